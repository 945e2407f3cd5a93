//! A graph made ready to run: operators in order, constants on the device, and when each value is no longer needed.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{Device, Tensor};

use crate::engine::candle::device::Tether;
use crate::engine::candle::onnx::fold;
use crate::engine::candle::onnx::graph::{Array, Elements, Graph, Node, Slot};
use crate::engine::candle::onnx::lower::{Lowered, Lowering, to_device};
use crate::engine::candle::onnx::op::{Integers, Kind, Op, Value};
use crate::engine::candle::onnx::shape::RunError;
use crate::engine::signature::Signature;
use crate::engine::{EngineError, Wanted};

/// A graph made ready. Immutable: one serves every thread.
#[derive(Debug)]
pub(super) struct Plan {
    /// First, so that the rest is given back by a thread that may.
    tether: Tether,
    pub(super) signature: Signature,
    pub(super) steps: Vec<Step>,
    constants: Vec<Option<Value>>,
    inputs: Vec<Slot>,
    outputs: Vec<Slot>,
}

/// One operator at work.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) inputs: Vec<Slot>,
    pub(super) output: Slot,
    /// Values that no later step needs.
    pub(super) last_uses: Vec<Slot>,
}

impl Plan {
    /// Plans a graph for a device. [`EngineError::Unsupported`] names the first node that cannot run there.
    pub(super) fn new(graph: Graph, device: &Device) -> Result<Plan, EngineError> {
        let mut planner = Planner::new(&graph, device);
        for node in &graph.nodes {
            planner.add(node).map_err(|reason| {
                let Node { operator, name, .. } = node;
                EngineError::Unsupported(format!(
                    "operator `{operator}` of node `{name}`: {reason}"
                ))
            })?;
        }
        let outputs = graph.outputs.iter().map(|(slot, _)| planner.resolved(*slot));
        let outputs = outputs.collect::<Vec<Slot>>();
        for ((_, port), slot) in graph.outputs.iter().zip(&outputs) {
            planner.take_constant(*slot).map_err(EngineError::Load)?;
            if planner.kinds.get(*slot).copied().flatten() != Some(Kind::Device) {
                let reason = format!("output `{}` is not made of floats", port.name);
                return Err(EngineError::Unsupported(reason));
            }
        }
        let steps = fold::fold(planner.steps, &planner.values, &outputs)
            .map_err(|err| EngineError::Load(err.to_string()))?;
        let (inputs, ports) = graph.inputs.into_iter().unzip();
        let signature = Signature {
            inputs: ports,
            outputs: graph.outputs.into_iter().map(|(_, port)| port).collect(),
        };
        let steps = with_last_uses(steps, &outputs);
        let constants = needed(planner.values, &steps, &outputs);
        Ok(Plan { tether: Tether::to(device), signature, steps, constants, inputs, outputs })
    }

    /// The device that it computes on.
    pub(super) fn device(&self) -> &Device {
        self.tether.device()
    }

    /// Runs all steps over inputs on the device; the outputs lie there too.
    pub(super) fn run(
        &self,
        inputs: Vec<Tensor>,
        wanted: &Wanted,
    ) -> Result<Vec<Tensor>, RunError> {
        let mut values: Vec<Option<Value>> = vec![None; self.constants.len()];
        for (slot, tensor) in self.inputs.iter().zip(inputs) {
            put(&mut values, *slot, Value::Device(tensor));
        }
        let missing = || RunError::Misfit("a value is missing");
        for step in &self.steps {
            wanted.check().map_err(|_| RunError::Unwanted)?;
            let taken: Vec<&Value> = step
                .inputs
                .iter()
                .map(|slot| self.value(*slot, &values).ok_or_else(missing))
                .collect::<Result<_, _>>()?;
            let output = step.op.run(&taken)?;
            for slot in &step.last_uses {
                if let Some(value) = values.get_mut(*slot) {
                    *value = None;
                }
            }
            put(&mut values, step.output, output);
        }
        self.outputs
            .iter()
            .map(|slot| match self.value(*slot, &values) {
                Some(Value::Device(tensor)) => Ok(tensor.clone()),
                _ => Err(missing()),
            })
            .collect()
    }

    fn value<'a>(&'a self, slot: Slot, values: &'a [Option<Value>]) -> Option<&'a Value> {
        let constant = || self.constants.get(slot).and_then(Option::as_ref);
        values.get(slot).and_then(Option::as_ref).or_else(constant)
    }
}

fn put(values: &mut [Option<Value>], slot: Slot, value: Value) {
    if let Some(place) = values.get_mut(slot) {
        *place = Some(value);
    }
}

/// A plan in the making.
struct Planner {
    device: Device,
    /// Constants as they lie in the file.
    constants: BTreeMap<Slot, Array>,
    /// What each slot is another name for.
    aliases: Vec<Slot>,
    /// Constants as steps take them.
    values: Vec<Option<Value>>,
    kinds: Vec<Option<Kind>>,
    steps: Vec<Step>,
}

impl Planner {
    fn new(graph: &Graph, device: &Device) -> Planner {
        let mut planner = Planner {
            device: device.clone(),
            constants: BTreeMap::new(),
            aliases: (0..graph.n_slots).collect(),
            values: vec![None; graph.n_slots],
            kinds: vec![None; graph.n_slots],
            steps: Vec::new(),
        };
        for (slot, array) in &graph.constants {
            planner.add_constant(*slot, array.clone());
        }
        for (slot, _) in &graph.inputs {
            planner.set_kind(*slot, Kind::Device);
        }
        planner
    }

    fn resolved(&self, slot: Slot) -> Slot {
        self.aliases.get(slot).copied().unwrap_or(slot)
    }

    fn set_kind(&mut self, slot: Slot, kind: Kind) {
        if let Some(place) = self.kinds.get_mut(slot) {
            *place = Some(kind);
        }
    }

    fn add_constant(&mut self, slot: Slot, array: Array) {
        let kind = if array.floats().is_some() { Kind::Device } else { Kind::Host };
        self.set_kind(slot, kind);
        self.constants.insert(slot, array);
    }

    fn add(&mut self, node: &Node) -> Result<(), String> {
        let inputs: Vec<Option<Slot>> =
            node.inputs.iter().map(|slot| slot.map(|it| self.resolved(it))).collect();
        let lowering = Lowering {
            node,
            inputs: &inputs,
            kinds: &self.kinds,
            constants: &self.constants,
            device: &self.device,
        };
        let lowered = lowering.lower()?;
        let output = node.outputs.first().copied().unwrap_or_default();
        match lowered {
            Lowered::Alias(slot) => {
                if let Some(alias) = self.aliases.get_mut(output) {
                    *alias = slot;
                }
            }
            Lowered::Constant(array) => self.add_constant(output, array),
            Lowered::Step(op, inputs) => self.add_step(op, inputs, output)?,
        }
        Ok(())
    }

    /// Adds a step; runs it at once if it takes nothing but constants.
    fn add_step(&mut self, op: Op, inputs: Vec<Slot>, output: Slot) -> Result<(), String> {
        let kinds: Option<Vec<Kind>> =
            inputs.iter().map(|slot| self.kinds.get(*slot).copied().flatten()).collect();
        let kind = op.place(&kinds.ok_or("a value is missing")?)?;
        self.set_kind(output, kind);
        for slot in &inputs {
            self.take_constant(*slot)?;
        }
        let known: Option<Vec<&Value>> =
            inputs.iter().map(|slot| self.values.get(*slot)?.as_ref()).collect();
        let Some(known) = known else {
            self.steps.push(Step { op, inputs, output, last_uses: Vec::new() });
            return Ok(());
        };
        let value = op.run(&known).map_err(|err| err.to_string())?;
        put(&mut self.values, output, value);
        Ok(())
    }

    /// Makes a constant of the file a value.
    fn take_constant(&mut self, slot: Slot) -> Result<(), String> {
        if self.values.get(slot).is_some_and(Option::is_some) {
            return Ok(());
        }
        let Some(array) = self.constants.get(&slot) else { return Ok(()) };
        let value = match &array.elements {
            Elements::Floats(_) => Value::Device(to_device(array, &self.device)?),
            Elements::Integers(values) => {
                Value::Host(Integers { shape: array.shape.clone(), values: values.clone() })
            }
        };
        put(&mut self.values, slot, value);
        Ok(())
    }
}

/// Only the steps that an output needs, each with the values that end with it.
fn with_last_uses(steps: Vec<Step>, outputs: &[Slot]) -> Vec<Step> {
    let mut needed: BTreeSet<Slot> = outputs.iter().copied().collect();
    let mut kept = Vec::new();
    for mut step in steps.into_iter().rev() {
        if needed.contains(&step.output) {
            step.last_uses = step.inputs.iter().copied().filter(|it| needed.insert(*it)).collect();
            kept.push(step);
        }
    }
    kept.reverse();
    kept
}

/// Only the constants that a step or an output takes.
fn needed(values: Vec<Option<Value>>, steps: &[Step], outputs: &[Slot]) -> Vec<Option<Value>> {
    let mut is_needed = vec![false; values.len()];
    for slot in steps.iter().flat_map(|it| &it.inputs).chain(outputs) {
        if let Some(place) = is_needed.get_mut(*slot) {
            *place = true;
        }
    }
    values.into_iter().zip(is_needed).map(|(value, keep)| value.filter(|_| keep)).collect()
}
