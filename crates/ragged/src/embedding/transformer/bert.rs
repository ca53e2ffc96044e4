//! The encoder of BERT's family.
//!
//! Texts of a batch lie one after another without padding: the linear layers see one tall matrix of
//! all their tokens, attention looks at each text alone. So there is no mask, nothing is computed for
//! padding, and a text's vector does not depend on its neighbours.

use rayon::prelude::*;
use rten_gemm::{
    BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, GemmResult, PackedBMatrix,
};
use rten_simd::{SimdOp as _, SimdUnaryOp as _};
use rten_tensor::{Matrix, NdTensorView};
use rten_vecmath::{Gelu, Normalize, NormalizeOptions, Softmax, Sum, SumSquareSub};

use super::config::{Architecture, Pooling};
use super::safetensors::Tensors;
use crate::error::{Error, ErrorKind, Result};

/// The weights of an encoder, packed for the processor's kernels.
pub(super) struct Bert {
    architecture: Architecture,
    /// Row per token.
    words: Vec<f32>,
    /// Row per position, the embedding of the first segment added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Layer {
    /// Query, key and value side by side.
    attention: Linear,
    attention_out: Linear,
    attention_norm: Norm,
    inner: Linear,
    outer: Linear,
    norm: Norm,
}

struct Linear {
    weights: PackedBMatrix<f32>,
    bias: Vec<f32>,
}

struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f32,
}

#[cold]
fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("multiplying matrices: {error}"))
}

impl Linear {
    /// The layer of `names`, whose outputs lie side by side; weights are stored output × input.
    fn read(
        gemm: &GemmExecutor,
        tensors: &Tensors,
        names: &[String],
        n_out: usize,
        n_in: usize,
    ) -> Result<Self> {
        let mut weights = Vec::with_capacity(names.len() * n_out * n_in);
        let mut bias = Vec::with_capacity(names.len() * n_out);
        for name in names {
            weights.extend(tensors.get(&format!("{name}.weight"), &[n_out, n_in])?);
            bias.extend(tensors.get(&format!("{name}.bias"), &[n_out])?);
        }
        let stored = NdTensorView::from_data([bias.len(), n_in], weights.as_slice());
        Ok(Self { weights: gemm.prepack_b(stored.transposed()), bias })
    }

    /// Rows of `input` times the weights, plus the bias.
    fn apply(&self, gemm: &GemmExecutor, input: &[f32], output: &mut Vec<f32>) -> GemmResult {
        let n_in = self.weights.rows();
        let n_rows = input.len() / n_in;
        output.clear();
        output.resize(n_rows * self.bias.len(), 0.0);
        gemm.gemm(
            output,
            GemmInputA::Unpacked(NdTensorView::from_data([n_rows, n_in], input)),
            GemmInputB::Packed(&self.weights),
            GemmOptions { bias: Some(BiasVector::Row(&self.bias)), ..GemmOptions::default() },
        )
    }
}

impl Norm {
    fn read(tensors: &Tensors, name: &str, dims: usize, epsilon: f32) -> Result<Self> {
        Ok(Self {
            scale: tensors.get(&format!("{name}.weight"), &[dims])?,
            shift: tensors.get(&format!("{name}.bias"), &[dims])?,
            epsilon,
        })
    }

    /// Normalises each row, after adding the row of `residual` to it.
    fn apply_sum(&self, rows: &mut [f32], residual: &[f32]) {
        let dims = self.scale.len();
        rows.par_chunks_mut(dims).with_min_len(32).zip(residual.par_chunks(dims)).for_each(
            |(row, residual)| {
                for (x, &y) in row.iter_mut().zip(residual) {
                    *x += y;
                }
                let mean = Sum::new(row).dispatch() / dims as f32;
                let variance = SumSquareSub::new(row, mean).dispatch() / dims as f32;
                let options = NormalizeOptions {
                    pre_scale_bias: mean,
                    scale: 1.0 / (variance + self.epsilon).sqrt(),
                    element_scale: Some(&self.scale),
                    bias: 0.0,
                    element_bias: Some(&self.shift),
                };
                Normalize::new_mut(row, options).dispatch();
            },
        );
    }
}

impl Bert {
    /// Takes the encoder's weights from `tensors`.
    pub(super) fn read(architecture: &Architecture, tensors: &Tensors) -> Result<Self> {
        let Architecture { hidden, inner, n_layers, n_positions, n_tokens, norm_epsilon, .. } =
            *architecture;
        let gemm = GemmExecutor::new();
        let root =
            if tensors.contains("bert.embeddings.word_embeddings.weight") { "bert." } else { "" };
        let table = |name: &str, rows: usize| {
            tensors.get(&format!("{root}embeddings.{name}_embeddings.weight"), &[rows, hidden])
        };
        let words = table("word", n_tokens)?;
        let mut positions = table("position", n_positions)?;
        let segments = table("token_type", 0)?;
        let first = segments.get(..hidden).unwrap_or_default();
        for row in positions.chunks_exact_mut(hidden) {
            for (x, &y) in row.iter_mut().zip(first) {
                *x += y;
            }
        }
        let norm = |name: String| Norm::read(tensors, &name, hidden, norm_epsilon);
        let layers = (0..n_layers)
            .map(|layer| {
                let name = |part: &str| format!("{root}encoder.layer.{layer}.{part}");
                let linear = |part: &str, n_out: usize, n_in: usize| {
                    Linear::read(&gemm, tensors, &[name(part)], n_out, n_in)
                };
                let projections =
                    ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
                Ok(Layer {
                    attention: Linear::read(&gemm, tensors, &projections, hidden, hidden)?,
                    attention_out: linear("attention.output.dense", hidden, hidden)?,
                    attention_norm: norm(name("attention.output.LayerNorm"))?,
                    inner: linear("intermediate.dense", inner, hidden)?,
                    outer: linear("output.dense", hidden, inner)?,
                    norm: norm(name("output.LayerNorm"))?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            architecture: architecture.clone(),
            words,
            positions,
            norm: norm(format!("{root}embeddings.LayerNorm"))?,
            layers,
        })
    }

    /// Appends one pooled row for each text; `inputs` holds the ids of one text after another, at
    /// most as many as there are positions, and `lens` how many each has, at least one.
    pub(super) fn encode(
        &self,
        inputs: &[u32],
        lens: &[usize],
        pooling: Pooling,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let hidden = self.architecture.hidden;
        // Not kept in the model: an executor cannot be sent to another thread, and making one is cheap.
        let gemm = GemmExecutor::new();
        let mut rows = self.embed(inputs, lens)?;
        let (mut projected, mut context, mut inner) = (Vec::new(), Vec::new(), Vec::new());
        let mut output = Vec::new();
        for layer in &self.layers {
            layer.attention.apply(&gemm, &rows, &mut projected).map_err(failed)?;
            self.attend(&gemm, &projected, lens, &mut context).map_err(failed)?;
            layer.attention_out.apply(&gemm, &context, &mut output).map_err(failed)?;
            layer.attention_norm.apply_sum(&mut output, &rows);
            std::mem::swap(&mut rows, &mut output);
            layer.inner.apply(&gemm, &rows, &mut inner).map_err(failed)?;
            inner.par_chunks_mut(16 * 1024).for_each(|values| Gelu {}.map_mut(values));
            layer.outer.apply(&gemm, &inner, &mut output).map_err(failed)?;
            layer.norm.apply_sum(&mut output, &rows);
            std::mem::swap(&mut rows, &mut output);
        }
        let mut rest = rows.as_slice();
        for &len in lens {
            let (text, after) = rest.split_at(len * hidden);
            rest = after;
            let pooled = out.len();
            out.extend_from_slice(&text[..hidden]);
            if pooling == Pooling::Mean {
                for row in text.chunks_exact(hidden).skip(1) {
                    for (sum, &x) in out[pooled..].iter_mut().zip(row) {
                        *sum += x;
                    }
                }
            }
        }
        Ok(())
    }

    fn embed(&self, inputs: &[u32], lens: &[usize]) -> Result<Vec<f32>> {
        let hidden = self.architecture.hidden;
        let mut rows = Vec::with_capacity(inputs.len() * hidden);
        let mut positions = Vec::with_capacity(inputs.len() * hidden);
        for &id in inputs {
            let start = id as usize * hidden;
            let row = self.words.get(start..start + hidden).ok_or_else(|| {
                Error::new(ErrorKind::Incompatible, format!("the weights have no token {id}"))
            })?;
            rows.extend_from_slice(row);
        }
        for &len in lens {
            positions.extend_from_slice(self.positions.get(..len * hidden).unwrap_or_default());
        }
        self.norm.apply_sum(&mut rows, &positions);
        Ok(rows)
    }

    /// Self-attention of each text; `projected` has query, key and value of a token in a row.
    fn attend(
        &self,
        gemm: &GemmExecutor,
        projected: &[f32],
        lens: &[usize],
        context: &mut Vec<f32>,
    ) -> GemmResult {
        let hidden = self.architecture.hidden;
        context.clear();
        context.resize(projected.len() / 3, 0.0);
        let mut texts = Vec::with_capacity(lens.len());
        let (mut inputs, mut outputs) = (projected, context.as_mut_slice());
        for &len in lens {
            let (input, inputs_after) = inputs.split_at(len * hidden * 3);
            let (output, outputs_after) = outputs.split_at_mut(len * hidden);
            texts.push((len, input, output));
            (inputs, outputs) = (inputs_after, outputs_after);
        }
        texts
            .into_par_iter()
            .try_for_each(|(len, input, output)| self.attend_text(gemm, len, input, output))
    }

    fn attend_text(
        &self,
        gemm: &GemmExecutor,
        len: usize,
        input: &[f32],
        output: &mut [f32],
    ) -> GemmResult {
        let hidden = self.architecture.hidden;
        let head = hidden / self.architecture.n_heads;
        let rows: Matrix = NdTensorView::from_data([len, 3 * hidden], input);
        let scale = 1.0 / (head as f32).sqrt();
        let mut scores = vec![0.0; len * len];
        let mut mixed = vec![0.0; len * head];
        for first in (0..hidden).step_by(head) {
            let part = |which: usize| {
                let start = which * hidden + first;
                rows.slice((.., start..start + head))
            };
            gemm.gemm(
                &mut scores,
                GemmInputA::Unpacked(part(0)),
                GemmInputB::Unpacked(part(1).transposed()),
                GemmOptions { alpha: scale, ..GemmOptions::default() },
            )?;
            for row in scores.chunks_exact_mut(len) {
                Softmax::new_mut(row).dispatch();
            }
            gemm.gemm(
                &mut mixed,
                GemmInputA::Unpacked(NdTensorView::from_data([len, len], scores.as_slice())),
                GemmInputB::Unpacked(part(2)),
                GemmOptions::default(),
            )?;
            for (target, row) in output.chunks_exact_mut(hidden).zip(mixed.chunks_exact(head)) {
                target[first..first + head].copy_from_slice(row);
            }
        }
        Ok(())
    }
}
