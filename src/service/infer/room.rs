//! Room for models: which of those that are loaded leave for another.

use crate::base::{Deadline, ErrorCode};
use crate::task::call::CallError;
use crate::task::infer::KnownModel;

use super::Infer;
use super::networks::not_opened;

impl Infer {
    /// Unloads models, first those that were not called for longest, until there is room for another; none for one whose
    /// files are not here. Reads these files: not for a thread of the runtime.
    ///
    /// # Errors
    /// When it is larger than all the room there is, its files are not here, or calls of one that leaves are still in
    /// flight at the deadline.
    pub(super) async fn make_room(
        &self,
        model: &KnownModel,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let Some(max_bytes) = self.settings.max_bytes else { return Ok(()) };
        let needed = self.n_bytes(&model.name);
        let Some(left) = max_bytes.checked_sub(needed) else {
            let (needed, max_bytes) = (mib(needed), mib(max_bytes));
            let message = format!(
                "模型「{}」的檔案有 {needed} MiB,超過 models.max_mib({max_bytes} MiB)。",
                model.name
            );
            return Err(CallError::new(ErrorCode::Conflict, message));
        };
        self.networks.check(&model.name).map_err(|error| not_opened(&model.name, &error))?;
        while let Some(leaving) = self.one_too_many(left) {
            tracing::info!(model = leaving, room_for = model.name, "a model leaves for another");
            metrics::counter!("fenwen_models_evicted_total").increment(1);
            match self.unload(&leaving, deadline).await {
                // Somebody else unloaded it meanwhile.
                Err(error) if error.code == ErrorCode::Conflict => (),
                unloaded => unloaded?,
            }
        }
        Ok(())
    }

    /// The model that was not called for longest, where those that are loaded have more than `max_bytes`.
    fn one_too_many(&self, max_bytes: u64) -> Option<String> {
        let loaded = self.loaded();
        let n_bytes: u64 = loaded.keys().map(|it| self.n_bytes(it)).sum();
        let oldest = loaded.iter().min_by_key(|(_, it)| it.last_call());
        oldest.filter(|_| max_bytes < n_bytes).map(|(name, _)| name.clone())
    }

    /// Bytes of a model, with the version that is tried beside it.
    fn n_bytes(&self, name: &str) -> u64 {
        let own = self.networks.known().iter().find(|it| it.name == name);
        [own, self.candidate(name)].into_iter().flatten().map(|it| it.n_bytes).sum()
    }
}

/// MiB, rounded up.
fn mib(n_bytes: u64) -> u64 {
    n_bytes.div_ceil(1 << 20)
}
