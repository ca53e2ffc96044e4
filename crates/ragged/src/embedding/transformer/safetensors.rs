//! Reading tensors from a `.safetensors` file.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Context as _, Error, ErrorKind, Result};

/// The tensors of one file, read whole.
#[derive(Debug)]
pub(super) struct Tensors {
    header: Map<String, Value>,
    data: Vec<u8>,
    data_start: usize,
}

impl Tensors {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let reading = || format!("reading the weights {}", path.display());
        let data = std::fs::read(path).context_with(reading)?;
        Self::parse(data).context_with(reading)
    }

    fn parse(data: Vec<u8>) -> Result<Self> {
        let corrupt = |message: &str| Error::new(ErrorKind::Corrupt, message);
        let header_bytes =
            data.first_chunk::<8>().ok_or_else(|| corrupt("the file is cut short"))?;
        let data_start = usize::try_from(u64::from_le_bytes(*header_bytes))
            .ok()
            .and_then(|bytes| bytes.checked_add(8))
            .ok_or_else(|| corrupt("the header's length is impossible"))?;
        let header = data.get(8..data_start).ok_or_else(|| corrupt("the header is cut short"))?;
        let header: Map<String, Value> = serde_json::from_slice(header)
            .map_err(|error| Error::from_source(ErrorKind::Corrupt, error))?;
        Ok(Self { header, data, data_start })
    }

    /// All bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Whether there is a tensor of this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.header.contains_key(name)
    }

    /// The values of the tensor of this name as 32-bit floats, in row-major order. The tensor must
    /// have `shape`; a 0 in it stands for any length.
    pub(super) fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let wrong = |kind, message: String| Error::new(kind, format!("tensor {name}: {message}"));
        let info = self
            .header
            .get(name)
            .ok_or_else(|| wrong(ErrorKind::Incompatible, "missing from the weights".to_owned()))?;
        let found: Vec<usize> = numbers(&info["shape"]);
        let fits = found.len() == shape.len()
            && found.iter().zip(shape).all(|(&found, &wanted)| wanted == 0 || found == wanted);
        if !fits {
            return Err(wrong(
                ErrorKind::Incompatible,
                format!("shape {found:?} where the configuration asks for {shape:?}"),
            ));
        }
        let n_values = found.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        let bytes = self
            .range(&info["data_offsets"])
            .and_then(|range| self.data.get(range))
            .ok_or_else(|| wrong(ErrorKind::Corrupt, "lies outside the file".to_owned()))?;
        let values: Vec<f32> = match info["dtype"].as_str() {
            Some("F32") => {
                bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
            }
            Some("F16") => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| half_to_single(u16::from_le_bytes(bytes)))
                .collect(),
            Some("BF16") => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16))
                .collect(),
            other => {
                return Err(wrong(
                    ErrorKind::Incompatible,
                    format!("values of type {other:?}; F32, F16 and BF16 are supported"),
                ));
            }
        };
        if n_values != Some(values.len()) {
            return Err(wrong(
                ErrorKind::Corrupt,
                format!("{} values where its shape {found:?} says otherwise", values.len()),
            ));
        }
        Ok(values)
    }

    fn range(&self, offsets: &Value) -> Option<Range<usize>> {
        let [start, end] = numbers(offsets)[..] else { return None };
        Some(start.checked_add(self.data_start)?..end.checked_add(self.data_start)?)
    }
}

fn numbers(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|number| number.as_u64().and_then(|n| usize::try_from(n).ok()))
        .collect()
}

/// The value of a 16-bit float (IEEE 754 half precision).
fn half_to_single(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff);
    let value = match magnitude >> 10 {
        // Subnormal: an exact multiple of 2⁻²⁴.
        0 => magnitude as f32 / 16_777_216.0,
        31 => f32::from_bits(0x7f80_0000 | (magnitude & 0x3ff) << 13),
        _ => f32::from_bits((magnitude << 13) + ((127 - 15) << 23)),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file with the given tensors: name, type, shape, bytes.
    pub(crate) fn file(tensors: &[(&str, &str, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
        let mut header = Map::new();
        let mut body = Vec::new();
        for (name, dtype, shape, bytes) in tensors {
            let start = body.len();
            body.extend_from_slice(bytes);
            header.insert(
                (*name).to_owned(),
                serde_json::json!({
                    "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()],
                }),
            );
        }
        let header = Value::Object(header).to_string();
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(&body);
        file
    }

    #[test]
    fn values_of_each_type_are_read() {
        let tensors = Tensors::parse(file(&[
            (
                "single",
                "F32",
                vec![2],
                [1.5_f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect(),
            ),
            ("half", "F16", vec![1, 4], vec![0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c]),
            ("brain", "BF16", vec![1], vec![0xc0, 0x3f]),
        ]))
        .unwrap();
        assert_eq!(tensors.get("single", &[2]).unwrap(), [1.5, -2.0]);
        let half = tensors.get("half", &[1, 0]).unwrap();
        assert_eq!(half, [1.0, -2.0, 2.0_f32.powi(-24), f32::INFINITY]);
        assert_eq!(tensors.get("brain", &[1]).unwrap(), [1.5]);
        assert!(tensors.contains("half") && !tensors.contains("double"));
    }

    #[test]
    fn every_half_survives_the_way_through_single_precision() {
        for bits in 0..=u16::MAX {
            let value = half_to_single(bits);
            let exponent = i32::from(bits >> 10 & 31);
            let fraction = f64::from(bits & 0x3ff) / 1024.0;
            let magnitude = match exponent {
                0 => fraction * 2.0_f64.powi(-14),
                31 if fraction > 0.0 => {
                    assert!(value.is_nan());
                    continue;
                }
                31 => f64::INFINITY,
                _ => (1.0 + fraction) * 2.0_f64.powi(exponent - 15),
            };
            assert_eq!(f64::from(value.abs()).to_bits(), magnitude.to_bits(), "{bits:#x}");
            assert_eq!(value.is_sign_negative(), bits & 0x8000 != 0);
        }
    }

    #[test]
    fn files_that_contradict_themselves_are_refused() {
        let corrupt = |data: Vec<u8>| Tensors::parse(data).unwrap_err().kind();
        assert_eq!(corrupt(vec![1, 2, 3]), ErrorKind::Corrupt);
        assert_eq!(corrupt(u64::MAX.to_le_bytes().to_vec()), ErrorKind::Corrupt);
        assert_eq!(corrupt(1000_u64.to_le_bytes().to_vec()), ErrorKind::Corrupt);
        let mut not_json = 1_u64.to_le_bytes().to_vec();
        not_json.push(b'x');
        assert_eq!(corrupt(not_json), ErrorKind::Corrupt);

        let mut short = file(&[("t", "F32", vec![2], vec![0; 8])]);
        short.truncate(short.len() - 1);
        let kind = |data: Vec<u8>, shape: &[usize]| {
            Tensors::parse(data).unwrap().get("t", shape).unwrap_err().kind()
        };
        assert_eq!(kind(short, &[2]), ErrorKind::Corrupt);
        assert_eq!(kind(file(&[("t", "F32", vec![3], vec![0; 8])]), &[3]), ErrorKind::Corrupt);
        assert_eq!(kind(file(&[("t", "F32", vec![2], vec![0; 8])]), &[3]), ErrorKind::Incompatible);
        assert_eq!(kind(file(&[("t", "I64", vec![1], vec![0; 8])]), &[1]), ErrorKind::Incompatible);
        assert_eq!(kind(file(&[]), &[1]), ErrorKind::Incompatible);
    }
}
