// Package depcheck tests that the packages of cniproof import one another in the
// one direction that the design allows, and says why where they do not. It has
// tests only; nothing imports it.
package depcheck
