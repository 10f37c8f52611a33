/** The side of a sheet in sheet units: at 2048 pixels a unit is a pixel, other sizes scale. */
export const SHEET_UNITS = 2048;
