// What candle's own kernels do not do, or do in very many steps. Compiled by build.rs; launched by kernels.rs.

#include <cuda_fp16.h>

// Every channel of a picture by itself under a sliding window, plus a bias: one thread for each value of the result.
// pictures [rows, channels, height, width], weights [channels, size_y, size_x], biases [channels].
extern "C" __global__ void depthwise(
    const float *__restrict__ pictures, const float *__restrict__ weights, const float *__restrict__ biases,
    float *__restrict__ out, unsigned n_values, int channels, int height, int width, int out_height, int out_width,
    int size_y, int size_x, int stride_y, int stride_x, int top, int left) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  int x = idx % out_width;
  unsigned rest = idx / out_width;
  int y = rest % out_height;
  unsigned plane = rest / out_height;
  int channel = plane % channels;
  const float *picture = pictures + (size_t)plane * height * width;
  const float *weight = weights + channel * size_y * size_x;
  float sum = biases[channel];
  for (int dy = 0; dy < size_y; dy++) {
    int row = y * stride_y + dy - top;
    if (row < 0 || height <= row) continue;
    for (int dx = 0; dx < size_x; dx++) {
      int column = x * stride_x + dx - left;
      if (column < 0 || width <= column) continue;
      sum += weight[dy * size_x + dx] * picture[row * width + column];
    }
  }
  out[idx] = sum;
}

// Every channel of a picture under a sliding window, weighed and summed for each channel out, plus a bias. A block makes
// PIXELS neighbouring values of OUTS channels of one picture; the weights that it needs lie in shared memory, TAPS at a
// time, so that each value read from the picture serves OUTS sums.
// pictures [rows, channels, height, width], weights [outs, channels, size_y, size_x], biases [outs];
// blocks: x over the values of a plane, y over the channels out, z over the pictures.
#define PIXELS 128
#define OUTS 16
#define TAPS 144

extern "C" __global__ void __launch_bounds__(PIXELS) convolve(
    const float *__restrict__ pictures, const float *__restrict__ weights, const float *__restrict__ biases,
    float *__restrict__ out, int outs, int channels, int height, int width, int out_height, int out_width,
    int size_y, int size_x, int stride_y, int stride_x, int top, int left) {
  __shared__ float4 shared[TAPS][OUTS / 4];
  int pixel = blockIdx.x * PIXELS + threadIdx.x;
  int first_out = blockIdx.y * OUTS;
  int n_pixels = out_height * out_width;
  int window = size_y * size_x, n_taps = channels * window;
  int y = pixel / out_width * stride_y - top, x = pixel % out_width * stride_x - left;
  const float *picture = pictures + (size_t)blockIdx.z * channels * height * width;
  float sums[OUTS] = {};
  for (int first = 0; first < n_taps; first += TAPS) {
    int n_here = min(TAPS, n_taps - first);
    __syncthreads();
    for (int idx = threadIdx.x; idx < n_here * OUTS; idx += PIXELS) {
      int tap = idx % n_here, place = idx / n_here;
      bool is_there = first_out + place < outs;
      ((float *)shared[tap])[place] = is_there ? weights[(size_t)(first_out + place) * n_taps + first + tap] : 0.0f;
    }
    __syncthreads();
    if (n_pixels <= pixel) continue;
    int channel = first / window, dy = first % window / size_x, dx = first % size_x;
    for (int tap = 0; tap < n_here; tap++) {
      int row = y + dy, column = x + dx;
      bool is_inside = 0 <= row && row < height && 0 <= column && column < width;
      float value = is_inside ? picture[(channel * height + row) * width + column] : 0.0f;
#pragma unroll
      for (int quarter = 0; quarter < OUTS / 4; quarter++) {
        float4 weight = shared[tap][quarter];
        sums[quarter * 4] += weight.x * value;
        sums[quarter * 4 + 1] += weight.y * value;
        sums[quarter * 4 + 2] += weight.z * value;
        sums[quarter * 4 + 3] += weight.w * value;
      }
      if (++dx == size_x) {
        dx = 0;
        if (++dy == size_y) {
          dy = 0;
          channel++;
        }
      }
    }
  }
  if (n_pixels <= pixel) return;
#pragma unroll
  for (int place = 0; place < OUTS; place++) {
    int channel = first_out + place;
    if (channel < outs) out[((size_t)blockIdx.z * outs + channel) * n_pixels + pixel] = sums[place] + biases[channel];
  }
}

// What follows serves the sentence encoder (gpu/ops.rs): half precision, one thread for each value of the result.


// Embeddings of ids from a quantised table: levels [tokens, width] × scale + shift of their token, plus what fine-tuning
// added to it: row slots[id] of deltas, where there are any.
extern "C" __global__ void embed(
    const unsigned char *__restrict__ levels, const float *__restrict__ scales, const float *__restrict__ shifts,
    const unsigned *__restrict__ slots, const float *__restrict__ deltas, const unsigned *__restrict__ ids,
    __half *__restrict__ out, unsigned n_values, unsigned width, int has_deltas) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  unsigned id = ids[idx / width];
  unsigned column = idx % width;
  float value = levels[(size_t)id * width + column] * scales[id] + shifts[id];
  if (has_deltas) value += deltas[(size_t)slots[id] * width + column];
  out[idx] = __float2half(value);
}

// The neighbours that a convolution sees, side by side: [rows, order, width] of rows [rows, stride] from column `first`
// on; zeros beyond the ends of a text, of which `before` rows lie before a row and `after` behind it.
extern "C" __global__ void windows(
    const __half *__restrict__ rows, const unsigned *__restrict__ before, const unsigned *__restrict__ after,
    __half *__restrict__ out, unsigned n_values, unsigned width, unsigned order, unsigned left, unsigned stride,
    unsigned first) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  unsigned column = idx % width;
  unsigned place = idx / width % order;
  unsigned row = idx / width / order;
  bool is_inside = place < left ? left - place <= before[row] : place - left <= after[row];
  out[idx] = is_inside ? rows[(size_t)(row + place - left) * stride + first + column] : __float2half(0.0f);
}

// product [rows, width] + bias; if it is a layer of a branch, not less than 0, plus `earlier` [rows, stride] from column
// `first` on.
extern "C" __global__ void activate(
    const __half *__restrict__ product, const __half *__restrict__ bias, const __half *__restrict__ earlier,
    __half *__restrict__ out, unsigned n_values, unsigned width, unsigned stride, unsigned first, int is_layer) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  unsigned column = idx % width;
  float value = __half2float(product[idx]) + __half2float(bias[column]);
  if (is_layer) value = fmaxf(value, 0.0f) + __half2float(earlier[(size_t)(idx / width) * stride + first + column]);
  out[idx] = __float2half(value);
}

// For each text the sum of its rows, divided by the root of their number; text i is rows starts[i] .. starts[i + 1].
extern "C" __global__ void pool(
    const __half *__restrict__ rows, const unsigned *__restrict__ starts, float *__restrict__ out, unsigned n_values,
    unsigned width) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  unsigned text = idx / width;
  unsigned start = starts[text], end = starts[text + 1];
  float sum = 0.0f;
  for (unsigned row = start; row < end; row++) sum += __half2float(rows[(size_t)row * width + idx % width]);
  out[idx] = sum * rsqrtf((float)(end - start));
}

// What follows serves ONNX graphs (onnx/planes.rs). Adds to each value of planes [rows, channels, inner] the bias of its
// channel.
extern "C" __global__ void add_channels(
    const float *__restrict__ planes, const float *__restrict__ biases, float *__restrict__ out, unsigned n_values,
    unsigned channels, unsigned inner) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  out[idx] = planes[idx] + biases[idx / inner % channels];
}

// Multiplies every value of each plane of `inner` values with the plane's own factor.
extern "C" __global__ void scale_planes(
    const float *__restrict__ planes, const float *__restrict__ factors, float *__restrict__ out, unsigned n_values,
    unsigned inner) {
  unsigned idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (n_values <= idx) return;
  out[idx] = planes[idx] * factors[idx / inner];
}
