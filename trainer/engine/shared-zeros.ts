import { valueCount } from './named-arrays.ts';
import { type Tensor, tf } from './tensorflow.ts';

/**
 * Zeros of any shape that take memory once. They are views of one array of TensorFlow's: an array of JavaScript's would be copied for each
 * of them unless it happened to begin at a multiple of 64 bytes.
 */
export class SharedZeros {
  #zeros: Tensor | undefined;

  /** Zeros of this shape. A tensor like any other: it belongs to the enclosing tidy, and the memory lives as long as one of them. */
  like(shape: readonly number[]): Tensor {
    return tf.tidy(() => {
      const size = valueCount(shape);
      if (this.#zeros === undefined || this.#zeros.size < size) {
        this.dispose();
        this.#zeros = tf.keep(tf.fill([size], 0));
      }
      return tf.reshape(tf.slice(this.#zeros, [0], [size]), [...shape]);
    });
  }

  dispose(): void {
    this.#zeros?.dispose();
    this.#zeros = undefined;
  }
}
