import { type Outline, type Point, smoothOutline } from './outline.ts';

/** A round rod of soft tissue with two radii, in the unit of its points. */
export type Capsule = { readonly from: Point; readonly to: Point; readonly fromRadius: number; readonly toRadius: number };

function rod(from: Point, to: Point, fromRadius: number, toRadius: number): Capsule {
  return { from, to, fromRadius, toRadius };
}

function between([ax, ay]: Point, [bx, by]: Point, share: number): Point {
  return [ax + (bx - ax) * share, ay + (by - ay) * share];
}

/** The soft tissue around one finger and its metacarpal; `nodes` go from the base of the metacarpal to the tip, with one radius each. */
export function rayTissue(nodes: readonly Point[], radii: readonly number[]): Capsule[] {
  const rods: Capsule[] = [];
  for (let i = 0; i + 1 < nodes.length; i++) {
    const from: Point = nodes[i] ?? [0, 0];
    const to: Point = nodes[i + 1] ?? from;
    // The round end of the fingertip extends only slightly beyond the bone.
    const end = i + 2 === nodes.length ? between(from, to, 0.82) : to;
    rods.push(rod(from, end, radii[i] ?? 8, radii[i + 1] ?? 8));
  }
  return rods;
}

/** The balls of the thumb and of the little finger, and the wrist; `rays` are the nodes of the five rays. */
export function palmRods(rays: readonly (readonly Point[])[]): Capsule[] {
  const node = (ray: number, index: number): Point => rays[ray]?.[index] ?? [0, 0];
  return [
    rod([-19, -2], between(node(0, 0), node(0, 1), 0.75), 14, 13),
    rod([17, -8], between(node(4, 0), node(4, 1), 0.55), 15.5, 14),
    rod([-14, -18], [-18, 4], 14.5, 14),
    rod([0, -14], [0, 14], 17, 16),
    rod([14, -18], [15, 4], 15.5, 16),
  ];
}

/** The palm as a flat body. Its border follows the webs between the fingers, a little less than halfway up the proximal phalanges. */
export function palmOutline(rays: readonly (readonly Point[])[]): Outline {
  const node = (ray: number, index: number): Point => rays[ray]?.[index] ?? [0, 0];
  const points: Point[] = [[-20, -18], [-30, 0], between(node(0, 0), node(0, 1), 0.5), between(node(0, 1), node(0, 2), 0.12)];
  const thumbWeb = between(node(0, 1), node(1, 1), 0.45);
  points.push(between(node(0, 0), thumbWeb, 0.74), between(node(1, 0), node(1, 1), 0.9));
  for (let ray = 1; ray < 5; ray++) {
    points.push(between(node(ray, 1), node(ray, 2), 0.46));
    if (ray < 4) points.push(between(between(node(ray, 1), node(ray, 2), 0.36), between(node(ray + 1, 1), node(ray + 1, 2), 0.42), 0.5));
  }
  const [headX, headY] = node(4, 1);
  const [baseX, baseY] = node(4, 0);
  points.push([headX + 8, headY - 4], [(headX + baseX) / 2 + 11, (headY + baseY) / 2], [baseX + 10, baseY - 4], [24, -18]);
  return smoothOutline(points, 3);
}

/** The soft tissue of the forearm, beyond the lower edge of the image. */
export function forearmTissue(): Capsule[] {
  return [rod([-12, -160], [-12, -18], 25, 17), rod([16, -160], [14, -16], 24, 16.5), rod([2, -160], [1, -14], 26, 18)];
}
