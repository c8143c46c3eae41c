// Package show puts tables and pictures into a notebook's cell.
//
//	show.Table(show.Rows(actions, 10))
//	show.Picture(show.Lines("Recovery", "budget, R$", "R$", show.Series{Name: "plan", X: x, Y: y}))
//
// Tables are HTML. Pictures are SVG, drawn by gonum/plot: what the functions
// here return is an ordinary *plot.Plot, to be changed at will before it is
// shown. Outside a notebook everything is written to standard output, tables
// and pictures as their HTML, so that a cell also runs as a plain program.
//
// What goes wrong in a cell ends it: functions here panic, and [Must] turns an
// error into a panic, so that the run of the notebook fails where it went
// wrong.
package show
