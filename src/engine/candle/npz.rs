//! NumPy archives (`.npz`): named arrays in a zip file, every size checked before anything is allocated for it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::engine::candle::arrays::{Array, ArraysError, MAX_ARRAYS, MAX_BYTES, Values};

/// Most bytes of an array's header.
const MAX_HEADER: usize = 4096;
const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads every array of an archive.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Array>, ArraysError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if MAX_ARRAYS < archive.len() {
        return Err(ArraysError::TooLarge);
    }
    let mut arrays = BTreeMap::new();
    let mut left = MAX_BYTES;
    for idx in 0..archive.len() {
        let mut member = archive.by_index(idx)?;
        let name = member.name()?.trim_end_matches(".npy").to_owned();
        left = left.checked_sub(member.size()).ok_or(ArraysError::TooLarge)?;
        let size = member.size();
        let array =
            read_array(&mut member, size).ok_or_else(|| ArraysError::Damaged(name.clone()))?;
        arrays.insert(name, array);
    }
    Ok(arrays)
}

/// Reads one `.npy` file of `size` bytes; none if it is damaged.
fn read_array(file: &mut impl Read, size: u64) -> Option<Array> {
    let mut start = [0; 10];
    file.read_exact(&mut start).ok()?;
    let (magic, rest) = start.split_at(MAGIC.len());
    let [major, _, low, high] = *rest else { return None };
    // Later versions differ in the width of the header's length, which no network needs.
    if magic != MAGIC || major != 1 {
        return None;
    }
    let header_len = usize::from(u16::from_le_bytes([low, high]));
    if MAX_HEADER < header_len {
        return None;
    }
    let mut header = vec![0; header_len];
    file.read_exact(&mut header).ok()?;
    let header = Header::parse(std::str::from_utf8(&header).ok()?)?;
    let n_elements = header.shape.iter().try_fold(1_usize, |n, dim| n.checked_mul(*dim))?;
    let n_bytes = n_elements.checked_mul(header.element_bytes)?;
    let expected = u64::try_from(n_bytes + start.len() + header_len).ok()?;
    if expected != size {
        return None;
    }
    let mut data = vec![0; n_bytes];
    file.read_exact(&mut data).ok()?;
    let values = match header.element.as_str() {
        "|u1" => Values::U8(data),
        "<f4" => Values::F32(data.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect()),
        "<f8" => Values::F64(data.as_chunks().0.iter().map(|it| f64::from_le_bytes(*it)).collect()),
        _ => Values::Other,
    };
    Some(Array { shape: header.shape, values })
}

/// The header of a `.npy` file: the text of a Python dictionary.
struct Header {
    element: String,
    element_bytes: usize,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Option<Header> {
        let (_, element) = text.split_once("'descr': '")?;
        let (element, _) = element.split_once('\'')?;
        let (_, order) = text.split_once("'fortran_order': ")?;
        if !order.starts_with("False") {
            return None;
        }
        let (_, shape) = text.split_once("'shape': (")?;
        let (shape, _) = shape.split_once(')')?;
        let dims = shape.split(',').map(str::trim).filter(|dim| !dim.is_empty());
        let shape = dims.map(|dim| dim.parse().ok()).collect::<Option<Vec<usize>>>()?;
        let element_bytes = element.get(2..)?.parse().ok().filter(|n| (1..=16).contains(n))?;
        Some(Header { element: element.to_owned(), element_bytes, shape })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use crate::engine::candle::arrays::Arrays;

    use super::*;

    /// A `.npy` file.
    pub(crate) fn npy(element: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let len = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &len, header.as_bytes(), data].concat()
    }

    /// A deflated archive of `.npy` files.
    pub(crate) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    fn read_one(file: Vec<u8>) -> Result<Arrays, ArraysError> {
        Arrays::read(&archive(&[("a".to_owned(), file)]))
    }

    #[test]
    fn arrays_are_read_by_name_type_and_shape() {
        let two = || npy("<f4", "1, 2", &floats(&[1.0, -2.0]));
        assert_eq!(read_one(two()).unwrap().floats("a", &[1, 2]).unwrap(), [1.0, -2.0]);
        assert_eq!(read_one(npy("|u1", "3,", b"xyz")).unwrap().bytes("a", &[3]).unwrap(), b"xyz");
        let one = npy("<f8", "", &0.5_f64.to_le_bytes());
        assert_eq!(read_one(one).unwrap().number("a"), Ok(0.5));
        for (name, shape) in [("a", [2, 1]), ("b", [1, 2])] {
            let error = read_one(two()).unwrap().floats(name, &shape).unwrap_err();
            assert!(matches!(error, ArraysError::Unexpected(..)), "{error}");
        }
        assert!(read_one(two()).unwrap().bytes("a", &[1, 2]).is_err());
    }

    #[test]
    fn damaged_files_are_refused() {
        #[track_caller]
        fn check(file: Vec<u8>) {
            assert_eq!(read_one(file).err(), Some(ArraysError::Damaged("a".to_owned())));
        }
        check(b"NUMPY".to_vec());
        check(npy("<f4", "2,", &floats(&[1.0])));
        check(npy("<f4", "1,", &floats(&[1.0, 2.0])));
        check(npy("<f4", "18446744073709551615, 2", &[]));
        check(npy("<f4", "-1,", &[]));
        check(npy("<f99", "1,", &[]));
        check(npy("<f4", "1,", &floats(&[1.0]))[..12].to_vec());
        let mut fortran = npy("|u1", "1,", b"x");
        let order = fortran.windows(5).position(|it| it == b"False").unwrap();
        fortran[order..order + 5].copy_from_slice(b"True ");
        check(fortran);
        assert!(matches!(Arrays::read(b"PK\x03\x04"), Err(ArraysError::Archive(_))));
    }

    #[test]
    fn a_damaged_archive_never_panics() {
        let whole = archive(&[("a".to_owned(), npy("<f4", "2,", &floats(&[1.0, 2.0])))]);
        for idx in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[idx] ^= 0x55;
            let _ = Arrays::read(&bytes);
            let _ = Arrays::read(&whole[..idx]);
        }
    }
}
