//go:build !linux

package main

import "time"

// waitUntil returns at the time, or up to a millisecond later.
func waitUntil(at time.Time) { time.Sleep(time.Until(at)) }
