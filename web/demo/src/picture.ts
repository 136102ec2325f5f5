/** Tensors as pictures. */

import type { TensorInfo } from "@stwo-ml/verifier";

/** Height and width, if a tensor is one grey picture. */
export function pictureSize({ shape }: TensorInfo): readonly [number, number] | undefined {
  const [height = 0, width = 0] = shape.slice(-2);
  const one = shape.length >= 2 && shape.slice(0, -2).every((axis) => axis === 1);
  return one && height >= 8 && width >= 8 && height * width <= 1 << 20 ? [height, width] : undefined;
}

/** Draws integers from `lo` (black) to `hi` (white). */
export function paint(
  canvas: HTMLCanvasElement,
  [height, width]: readonly [number, number],
  data: ArrayLike<number>,
  lo: number,
  hi: number,
): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    const grey = (255 * ((data[i] ?? lo) - lo)) / Math.max(hi - lo, 1);
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}
