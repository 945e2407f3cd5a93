//! The messages between the server and a worker process: length, kind, content; all numbers little-endian.

use std::io::{self, Read, Write};

use crate::tensor::{Data, ShapeError, Tensor, View};

/// Most bytes of a message; larger ones are refused before anything is allocated.
const MAX_LEN: usize = 1 << 30;
/// Most dimensions of a tensor.
const MAX_RANK: usize = 16;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    /// To the worker: open this model (JSON).
    Open(Vec<u8>),
    /// From the worker: the model's signature (JSON).
    Ready(Vec<u8>),
    /// Tensors: to the worker inputs, from the worker outputs.
    Tensors(Vec<Tensor>),
    /// From the worker: why it could not do it.
    Failed(String),
}

const OPEN: u8 = 1;
const READY: u8 = 2;
const TENSORS: u8 = 3;
const FAILED: u8 = 4;
const F32: u8 = 1;
const I64: u8 = 2;

impl Frame {
    /// Writes the message.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Frame::Open(json) => write_parts(to, OPEN, json),
            Frame::Ready(json) => write_parts(to, READY, json),
            Frame::Tensors(tensors) => write_parts(to, TENSORS, &encode_tensors(tensors)?),
            Frame::Failed(reason) => write_parts(to, FAILED, reason.as_bytes()),
        }
    }

    /// Writes outputs where they lie, as [`Frame::Tensors`].
    pub(crate) fn write_views(views: &[View<'_>], to: &mut impl Write) -> io::Result<()> {
        let mut content = vec![small(views.len())?];
        for view in views {
            encode_shape(F32, view.shape(), &mut content)?;
            content.extend(view.data().iter().flat_map(|it| it.to_le_bytes()));
        }
        write_parts(to, TENSORS, &content)
    }

    /// Reads the next message; `None` when the other side has closed.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Frame>> {
        let mut len = [0; 4];
        let mut n_read = 0;
        while n_read < len.len() {
            match from.read(&mut len[n_read..])? {
                0 if n_read == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => n_read += n,
            }
        }
        let len = usize::try_from(u32::from_le_bytes(len)).map_err(|_| malformed())?;
        if MAX_LEN < len {
            return Err(malformed());
        }
        let mut bytes = Vec::new();
        // Grows with what arrives: a lying length allocates nothing.
        from.take(len as u64).read_to_end(&mut bytes)?;
        if bytes.len() < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (&kind, content) = bytes.split_first().ok_or_else(malformed)?;
        match kind {
            OPEN => Ok(Some(Frame::Open(content.to_vec()))),
            READY => Ok(Some(Frame::Ready(content.to_vec()))),
            TENSORS => decode_tensors(content).map(|it| Some(Frame::Tensors(it))),
            FAILED => Ok(Some(Frame::Failed(String::from_utf8_lossy(content).into_owned()))),
            _ => Err(malformed()),
        }
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed message")
}

fn small(number: usize) -> io::Result<u8> {
    u8::try_from(number).map_err(|_| malformed())
}

fn write_parts(to: &mut impl Write, kind: u8, content: &[u8]) -> io::Result<()> {
    let len = content.len() + 1;
    if MAX_LEN < len {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the tensors are too large"));
    }
    to.write_all(&u32::try_from(len).map_err(|_| malformed())?.to_le_bytes())?;
    to.write_all(&[kind])?;
    to.write_all(content)?;
    to.flush()
}

fn encode_tensors(tensors: &[Tensor]) -> io::Result<Vec<u8>> {
    let mut content = vec![small(tensors.len())?];
    for tensor in tensors {
        match tensor.data() {
            Data::F32(values) => {
                encode_shape(F32, tensor.shape(), &mut content)?;
                content.extend(values.iter().flat_map(|it| it.to_le_bytes()));
            }
            Data::I64(values) => {
                encode_shape(I64, tensor.shape(), &mut content)?;
                content.extend(values.iter().flat_map(|it| it.to_le_bytes()));
            }
        }
    }
    Ok(content)
}

fn encode_shape(element: u8, shape: &[usize], content: &mut Vec<u8>) -> io::Result<()> {
    if MAX_RANK < shape.len() {
        return Err(malformed());
    }
    content.extend([element, small(shape.len())?]);
    content.extend(shape.iter().flat_map(|&dim| (dim as u64).to_le_bytes()));
    Ok(())
}

fn decode_tensors(content: &[u8]) -> io::Result<Vec<Tensor>> {
    let mut rest = content;
    let n_tensors = take_byte(&mut rest)?;
    let tensors =
        (0..n_tensors).map(|_| decode_tensor(&mut rest)).collect::<io::Result<Vec<Tensor>>>()?;
    if rest.is_empty() { Ok(tensors) } else { Err(malformed()) }
}

fn decode_tensor(rest: &mut &[u8]) -> io::Result<Tensor> {
    let element = take_byte(rest)?;
    let rank = usize::from(take_byte(rest)?);
    if MAX_RANK < rank {
        return Err(malformed());
    }
    let shape: Vec<usize> = (0..rank)
        .map(|_| usize::try_from(u64::from_le_bytes(take(rest)?)).map_err(|_| malformed()))
        .collect::<io::Result<_>>()?;
    let n_elements = shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
    let n_elements = n_elements.ok_or_else(malformed)?;
    let misshapen = |_: ShapeError| malformed();
    match element {
        F32 => {
            let values = take_all(rest, n_elements)?.iter().map(|&it| f32::from_le_bytes(it));
            Tensor::f32(shape, values.collect()).map_err(misshapen)
        }
        I64 => {
            let values = take_all(rest, n_elements)?.iter().map(|&it| i64::from_le_bytes(it));
            Tensor::i64(shape, values.collect()).map_err(misshapen)
        }
        _ => Err(malformed()),
    }
}

fn take_byte(rest: &mut &[u8]) -> io::Result<u8> {
    let [byte] = take(rest)?;
    Ok(byte)
}

fn take<const N: usize>(rest: &mut &[u8]) -> io::Result<[u8; N]> {
    let (taken, after) = rest.split_first_chunk().ok_or_else(malformed)?;
    *rest = after;
    Ok(*taken)
}

/// Takes `n_elements` of `N` bytes each.
fn take_all<'a, const N: usize>(
    rest: &mut &'a [u8],
    n_elements: usize,
) -> io::Result<&'a [[u8; N]]> {
    let len = n_elements.checked_mul(N).ok_or_else(malformed)?;
    let (taken, after) = rest.split_at_checked(len).ok_or_else(malformed)?;
    *rest = after;
    Ok(taken.as_chunks().0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(frame: &Frame) {
        let mut bytes = Vec::new();
        frame.write(&mut bytes).unwrap();
        let mut from = bytes.as_slice();
        assert_eq!(Frame::read(&mut from).unwrap().as_ref(), Some(frame));
        assert!(Frame::read(&mut from).unwrap().is_none());
        for cut in 1..bytes.len() {
            assert!(Frame::read(&mut &bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn messages_survive_the_way() {
        check(&Frame::Open(b"{}".to_vec()));
        check(&Frame::Ready(Vec::new()));
        check(&Frame::Failed("no such file".to_owned()));
        let floats = Tensor::f32([2, 1, 2], vec![1.0, -2.5, f32::MAX, 0.0]).unwrap();
        let integers = Tensor::i64([2], vec![i64::MIN, 7]).unwrap();
        check(&Frame::Tensors(vec![floats, integers]));
        check(&Frame::Tensors(vec![Tensor::f32([], vec![1.0]).unwrap()]));
    }

    #[test]
    fn views_read_as_tensors() {
        let tensor = Tensor::f32([1, 3], vec![1.0, 2.0, 3.0]).unwrap();
        let mut bytes = Vec::new();
        Frame::write_views(&[tensor.view().unwrap()], &mut bytes).unwrap();
        let frame = Frame::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(frame, Some(Frame::Tensors(vec![tensor])));
    }

    #[test]
    fn lies_are_refused() {
        #[track_caller]
        fn check(bytes: &[u8]) {
            assert!(Frame::read(&mut &bytes[..]).is_err());
        }
        check(&[0, 0, 0, 0]);
        check(&u32::MAX.to_le_bytes());
        check(&[1, 0, 0, 0, 9]);
        check(&[[4, 0, 0, 0, TENSORS, 1, F32, 200].as_slice(), &[0; 64]].concat());
        let huge = [[TENSORS, 1, F32, 2].as_slice(), &[255; 16]].concat();
        check(&[&20_u32.to_le_bytes(), huge.as_slice()].concat());
    }

    proptest! {
        #[test]
        fn no_content_panics(content in proptest::collection::vec(any::<u8>(), 1..200)) {
            let len = u32::try_from(content.len()).unwrap().to_le_bytes();
            let _ = Frame::read(&mut [&len, content.as_slice()].concat().as_slice());
        }
    }
}
