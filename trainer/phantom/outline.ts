/** A closed curve as flat [x0, y0, x1, y1, …]; the last point connects to the first. */
export type Outline = Float64Array;

/** A point or a direction, in millimetres or image units. */
export type Point = readonly [x: number, y: number];

/** A closed Catmull–Rom curve with `samples` points per segment: smooth, and it passes through every given point. */
export function smoothOutline(points: readonly Point[], samples: number): Outline {
  const count = points.length;
  const at = (index: number): Point => points[(index + count) % count] ?? [0, 0];
  const outline = new Float64Array(count * samples * 2);
  for (let i = 0; i < count; i++) {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let k = 0; k < samples; k++) {
      const t = k / samples;
      for (const axis of [0, 1] as const) {
        const tangent = (p2[axis] - p0[axis]) * t;
        const square = (2 * p0[axis] - 5 * p1[axis] + 4 * p2[axis] - p3[axis]) * t * t;
        const cube = (3 * p1[axis] - p0[axis] - 3 * p2[axis] + p3[axis]) * t * t * t;
        outline[(i * samples + k) * 2 + axis] = p1[axis] + (tangent + square + cube) / 2;
      }
    }
  }
  return outline;
}

/** The enclosed area (shoelace formula), never negative. */
export function outlineArea(outline: Outline): number {
  let twice = 0;
  for (let i = 0, j = outline.length - 2; i < outline.length; j = i, i += 2) {
    twice += (outline[j] ?? 0) * (outline[i + 1] ?? 0) - (outline[i] ?? 0) * (outline[j + 1] ?? 0);
  }
  return Math.abs(twice) / 2;
}

/** The mean of the points: a good estimate of the centre for evenly spaced points. */
export function outlineCentre(outline: Outline): Point {
  let [x, y] = [0, 0];
  for (let i = 0; i < outline.length; i += 2) {
    x += outline[i] ?? 0;
    y += outline[i + 1] ?? 0;
  }
  return [(2 * x) / outline.length, (2 * y) / outline.length];
}

/** A new outline with every point moved by `move`. */
export function mapOutline(outline: Outline, move: (point: Point) => Point): Outline {
  const moved = new Float64Array(outline.length);
  for (let i = 0; i < outline.length; i += 2) [moved[i], moved[i + 1]] = move([outline[i] ?? 0, outline[i + 1] ?? 0]) as [number, number];
  return moved;
}

/** Rotates a point about a centre, in degrees from the y axis toward the x axis. */
export function turn([x, y]: Point, [centreX, centreY]: Point, degrees: number): Point {
  const [sine, cosine] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  const [dx, dy] = [x - centreX, y - centreY];
  return [centreX + dx * cosine + dy * sine, centreY - dx * sine + dy * cosine];
}
