// What candle's own kernels do not do, or do in very many steps. Compiled by build.rs; launched by kernels.rs.

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
