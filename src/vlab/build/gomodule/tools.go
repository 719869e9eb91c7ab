//go:build tools

// Package tools pins the one program of the cluster that cannot be a "tool" of go.mod: it imports logrus under
// the old spelling of its path, and a single go command refuses to load both spellings.
package tools

import _ "github.com/rancher/local-path-provisioner"
