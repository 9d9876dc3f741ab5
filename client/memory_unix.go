//go:build linux || darwin

package client

import "syscall"

// mapMemory returns memory outside the heap. It is all zero, and takes nothing until it is
// used.
func mapMemory(size int) ([]byte, error) {
	return syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

// unmapMemory gives it back. Nothing may refer to it any more.
func unmapMemory(memory []byte) { _ = syscall.Munmap(memory) }
