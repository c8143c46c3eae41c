// Package notebooks holds notebooks for gonb, a Jupyter kernel for Go. Its tests
// check what can be checked without the kernel: that cells compile against the
// packages as they are now, and that no outputs are stored. "make notebooks"
// runs them; docs/NOTEBOOKS.md tells the rest.
package notebooks
