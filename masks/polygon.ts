/**
 * A closed polygon as flat [x0, y0, x1, y1, …]; the last point joins the first. Integer coordinates are pixel CENTRES, so pixel (3, 5)
 * covers the square from 2.5 to 3.5 and from 4.5 to 5.5: OpenCV's convention, which the data set's labels follow.
 */
export type Polygon = Readonly<ArrayLike<number>>;
