// Package portfolio reports how customers who buy on credit behave: by segment,
// product and vintage (the quarter of the first invoice), which of them pay so
// well that they are worth a reward, whose limits need a look, and whose
// behaviour deteriorates. It is made for the credit and the sales area, in
// Portuguese, as a page, as CSV and as a workbook.
//
// It looks at invoices and payments alone, needs no model, and knows nothing
// after the day of the report. Days are counted from the due date: an invoice is
// on time up to 3 days after it, and seriously late from 30 days after it,
// whether it was paid then or is still open. Only invoices that were due 30 days
// before the report can have become so; the others are not counted for it.
//
// Texts from outside never become formulas: in CSV a text that a spreadsheet
// would take for one begins with an apostrophe, in the workbook cells are typed.
package portfolio
