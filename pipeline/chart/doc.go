// Package chart draws the pictures of a report as SVG, in one style.
//
// Every function takes plain values and returns one self-contained SVG
// element: no script, no external font, no reference to anything outside it.
// The bytes depend on the arguments alone. The pictures scale with their
// container (viewBox, no fixed size), follow the reader's light or dark theme,
// print in the light one, label series directly beside their lines instead of
// in a legend, and never tell things apart by colour alone.
//
// The pictures are written by hand rather than by a plotting library because
// of the theme: colours and fonts are CSS classes, which plotting libraries
// resolve into fixed attributes.
//
// A picture holds no words of its own: titles, axis labels and the names of
// series come from the caller, numbers are written by a [Locale].
package chart
