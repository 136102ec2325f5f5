/** A pad of 28 by 28 pixels, for pointers and keys. */

import { element } from "./dom.js";

const SIDE = 28;

/** The drawing, as pixels of 0 to 255. */
export class Pad {
  readonly pixels = new Uint8Array(SIDE * SIDE);
  readonly #canvas = element("pad", HTMLCanvasElement);
  #pen: readonly [number, number] = [SIDE / 2, SIDE / 2];

  constructor() {
    const canvas = this.#canvas;
    const place = (event: PointerEvent): readonly [number, number] => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#stroke(place(event), place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons !== 0) this.#stroke(this.#pen, place(event));
    });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("focus", () => this.#show());
    canvas.addEventListener("blur", () => this.#show());
    this.#show();
  }

  /** Whether nothing is drawn. */
  get empty(): boolean {
    return this.pixels.every((pixel) => pixel === 0);
  }

  clear(): void {
    this.pixels.fill(0);
    this.#show();
  }

  /** The drawing as `.npy`: 32-bit floats of 0 to 1, shape (1, 1, 28, 28). */
  npy(): Blob {
    const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, ${SIDE}, ${SIDE}), }`;
    // Magic, version and length take ten bytes; the data begins at a multiple of 64.
    const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
    const data = new DataView(new ArrayBuffer(4 * this.pixels.length));
    this.pixels.forEach((pixel, i) => data.setFloat32(4 * i, pixel / 255, true));
    return new Blob([new Uint8Array([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length, 0]), padded, data.buffer]);
  }

  /** The integers that the compiler's quantisation makes of the drawing: `round(x 2^scale)`. */
  integers(scale: number): Int32Array {
    return Int32Array.from(this.pixels, (pixel) => Math.round(Math.fround(pixel / 255) * 2 ** scale));
  }

  #key(event: KeyboardEvent): void {
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    const [x, y] = this.#pen;
    if (move !== undefined) {
      const next = [x + move[0], y + move[1]].map((v) => Math.min(Math.max(v, 0.5), SIDE - 0.5));
      this.#pen = [next[0] ?? x, next[1] ?? y];
      this.#show();
    } else if (event.key === " ") this.#stroke(this.#pen, this.#pen);
    else if (event.key === "Delete") this.clear();
    else return;
    event.preventDefault();
  }

  #stroke(from: readonly [number, number], to: readonly [number, number]): void {
    const steps = Math.max(1, Math.ceil(4 * Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let step = 0; step <= steps; step += 1) {
      const [x, y] = [0, 1].map((axis) => (from[axis] ?? 0) + (((to[axis] ?? 0) - (from[axis] ?? 0)) * step) / steps);
      this.#dot(x ?? 0, y ?? 0);
    }
    this.#pen = to;
    this.#show();
  }

  /** A soft dot, as wide as the strokes of the training digits. */
  #dot(x: number, y: number): void {
    this.pixels.forEach((pixel, i) => {
      const distance = Math.hypot((i % SIDE) + 0.5 - x, Math.floor(i / SIDE) + 0.5 - y);
      this.pixels[i] = Math.max(pixel, Math.round(255 * Math.min(Math.max(2 - distance, 0), 1)));
    });
  }

  #show(): void {
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const image = context.createImageData(SIDE, SIDE);
    this.pixels.forEach((pixel, i) => image.data.set([pixel, pixel, pixel, 255], 4 * i));
    context.putImageData(image, 0, 0);
    if (document.activeElement === this.#canvas) {
      context.fillStyle = "#4f8cff";
      context.fillRect(Math.floor(this.#pen[0]), Math.floor(this.#pen[1]), 1, 1);
    }
  }
}
