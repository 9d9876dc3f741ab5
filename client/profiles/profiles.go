// Package profiles holds the built-in profiles: one YAML file for each
// directory, named after it.
package profiles

import "embed"

// Files are the profiles, each as NAME.yaml.
//
//go:embed *.yaml
var Files embed.FS
