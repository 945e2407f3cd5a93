//! Arithmetic of dimensions, on the host: what a value will look like before it is made.

/// Elements of one value at most.
const MAX_ELEMENTS: usize = 1 << 30;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// A value would have more than [`MAX_ELEMENTS`].
    #[error("a value of more than {MAX_ELEMENTS} elements")]
    TooLarge,
    /// Dimensions that an operator cannot take.
    #[error("{0}")]
    Misfit(&'static str),
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Unwanted,
    /// The device, or candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// Refuses a value that is too large to be made.
pub(super) fn bounded(dims: &[usize]) -> Result<(), RunError> {
    let product = dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    match product {
        Some(..=MAX_ELEMENTS) => Ok(()),
        _ => Err(RunError::TooLarge),
    }
}

/// An axis, counted from the end if it is negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, RunError> {
    let from_end = usize::try_from(axis.unsigned_abs()).ok();
    let axis = if axis < 0 { from_end.and_then(|it| rank.checked_sub(it)) } else { from_end };
    axis.filter(|it| *it < rank).ok_or(RunError::Misfit("there is no such axis"))
}

/// Every axis of a list.
pub(super) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, RunError> {
    axes.iter().map(|it| axis(*it, rank)).collect()
}

/// What two values have together, each stretched where it has size 1.
pub(super) fn broadcast(one: &[usize], other: &[usize]) -> Result<Vec<usize>, RunError> {
    let rank = one.len().max(other.len());
    let dim = |dims: &[usize], idx: usize| {
        (idx + dims.len()).checked_sub(rank).and_then(|it| dims.get(it).copied()).unwrap_or(1)
    };
    (0..rank)
        .map(|idx| match (dim(one, idx), dim(other, idx)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(RunError::Misfit("values of different sizes")),
        })
        .collect()
}

/// Without these axes, which must have size 1; without all such if none are named.
pub(super) fn squeezed(dims: &[usize], wanted: Option<&[i64]>) -> Result<Vec<usize>, RunError> {
    let Some(wanted) = wanted else {
        return Ok(dims.iter().copied().filter(|it| *it != 1).collect());
    };
    let removed = axes(wanted, dims.len())?;
    if removed.iter().any(|it| dims.get(*it) != Some(&1)) {
        return Err(RunError::Misfit("an axis to be removed is longer than 1"));
    }
    let kept = dims.iter().enumerate().filter(|(idx, _)| !removed.contains(idx));
    Ok(kept.map(|(_, dim)| *dim).collect())
}

/// With axes of size 1 at these places of the result.
pub(super) fn unsqueezed(dims: &[usize], wanted: &[i64]) -> Result<Vec<usize>, RunError> {
    let rank = dims.len() + wanted.len();
    let added = axes(wanted, rank)?;
    let mut rest = dims.iter();
    let dims: Vec<usize> = (0..rank)
        .filter_map(|idx| if added.contains(&idx) { Some(1) } else { rest.next().copied() })
        .collect();
    if dims.len() == rank { Ok(dims) } else { Err(RunError::Misfit("an axis is added twice")) }
}

/// The dimensions that `Reshape` asks for: 0 keeps the old one, -1 takes what is left.
pub(super) fn reshaped(dims: &[usize], target: &[i64]) -> Result<Vec<usize>, RunError> {
    let misfit = RunError::Misfit("elements do not fill the new dimensions");
    let mut open = None;
    let mut shape = Vec::with_capacity(target.len());
    for (idx, dim) in target.iter().enumerate() {
        shape.push(match dim {
            0 => *dims.get(idx).ok_or(RunError::Misfit("no dimension to be kept"))?,
            -1 if open.is_none() => {
                open = Some(idx);
                1
            }
            _ => usize::try_from(*dim).map_err(|_| RunError::Misfit("a negative dimension"))?,
        });
    }
    bounded(&shape)?;
    let (total, known): (usize, usize) = (dims.iter().product(), shape.iter().product());
    if let Some(open) = open.and_then(|idx| shape.get_mut(idx)) {
        *open = total.checked_div(known).unwrap_or_default();
    }
    if shape.iter().product::<usize>() == total { Ok(shape) } else { Err(misfit) }
}

/// Start and length of a slice with step 1; ends beyond the last element mean the last element.
pub(super) fn range(start: i64, end: i64, len: usize) -> Result<(usize, usize), RunError> {
    let place = |at: i64| {
        let from_end = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        if at < 0 { len.saturating_sub(from_end) } else { from_end.min(len) }
    };
    let (start, end) = (place(start), place(end));
    match end.checked_sub(start) {
        Some(1..) => Ok((start, end - start)),
        _ => Err(RunError::Misfit("an empty slice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshaping() {
        #[track_caller]
        fn check(dims: &[usize], target: &[i64], expected: Option<&[usize]>) {
            assert_eq!(reshaped(dims, target).ok().as_deref(), expected, "{dims:?} {target:?}");
        }
        check(&[2, 3, 4], &[0, -1], Some(&[2, 12]));
        check(&[2, 3, 4], &[-1, 4, 0], None);
        check(&[2, 3, 4], &[4, 0, 2], Some(&[4, 3, 2]));
        check(&[1], &[], Some(&[]));
        check(&[2, 3], &[5], None);
        check(&[2, 3], &[-1, -1], None);
        check(&[2, 3], &[-1, 4], None);
        check(&[2, 3], &[6, 1, 0], None);
        check(&[2, 3], &[i64::MAX, i64::MAX], None);
    }

    #[test]
    fn axes_come_and_go() {
        assert_eq!(squeezed(&[1, 2, 1], Some(&[-1])).unwrap(), [1, 2]);
        assert_eq!(squeezed(&[1, 2, 1], None).unwrap(), [2]);
        assert!(squeezed(&[1, 2, 1], Some(&[1])).is_err());
        assert_eq!(unsqueezed(&[2, 3], &[0, -1]).unwrap(), [1, 2, 3, 1]);
        assert!(unsqueezed(&[2, 3], &[0, 0]).is_err());
        assert!(axis(2, 2).is_err() && axis(-3, 2).is_err() && axis(i64::MIN, 2).is_err());
    }

    #[test]
    fn slices() {
        #[track_caller]
        fn check(start: i64, end: i64, expected: Option<(usize, usize)>) {
            assert_eq!(range(start, end, 5).ok(), expected);
        }
        check(1, 3, Some((1, 2)));
        check(-2, i64::MAX, Some((3, 2)));
        check(i64::MIN, -1, Some((0, 4)));
        check(3, 3, None);
        check(9, 10, None);
    }

    #[test]
    fn stretching_and_limits() {
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]).unwrap(), [2, 3, 4]);
        assert!(broadcast(&[2], &[3]).is_err());
        assert!(bounded(&[1 << 15, 1 << 15]).is_ok());
        assert!(matches!(bounded(&[1 << 15, 1 << 15, 2]), Err(RunError::TooLarge)));
        assert!(matches!(bounded(&[usize::MAX, 2]), Err(RunError::TooLarge)));
    }
}
