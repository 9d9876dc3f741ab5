// Sbom writes the bill of materials of a program, as CycloneDX, from what the compiler
// has left in the binary itself: the modules that are really in it, not those of a list.
//
//	sbom -version v1.2.3 -licences THIRD_PARTY_LICENSES.md BINARY >BINARY.cdx.json
//
// It fails on a module that the list of licences does not have in the same version. The
// same binary gives the same bill; SOURCE_DATE_EPOCH, if set, is its time.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	version := flag.String("version", "", "the program's version")
	licences := flag.String("licences", "", "the list of licences")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: sbom -version VERSION -licences FILE BINARY")
		os.Exit(2)
	}
	if err := run(os.Stdout, *version, *licences, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, version, licences, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	licenceOf, err := listed(licences)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(content)

	bom := cdx.NewBOM()
	program := cdx.Component{
		BOMRef:  info.Main.Path,
		Type:    cdx.ComponentTypeApplication,
		Name:    filepath.Base(info.Path),
		Version: version,
		Hashes:  &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}},
	}
	var properties []cdx.Property
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "-trimpath":
			properties = append(properties, cdx.Property{Name: "go:build:" + s.Key, Value: s.Value})
		}
	}
	program.Properties = &properties
	bom.Metadata = &cdx.Metadata{Component: &program}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		bom.Metadata.Timestamp = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	}

	// Scanners know Go's library as a module called stdlib or std; its package URL is this.
	version, _, _ = strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	id, ok := licenceOf[key{"std", ""}]
	if !ok {
		return fmt.Errorf("%s does not have std", licences)
	}
	components := []cdx.Component{component("std", version, id, "")}
	var errs []error
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		id, ok := licenceOf[key{m.Path, m.Version}]
		if !ok {
			errs = append(errs, fmt.Errorf("%s is in %s, and not in %s", m.Path+" "+m.Version, binary, licences))
		}
		components = append(components, component(m.Path, m.Version, id, m.Sum))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	bom.Components = &components

	// What depends on what is not in a binary: only that all of it is in the program.
	refs := make([]string, 0, len(components))
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &refs}}
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
}

func component(path, version, licence, sum string) cdx.Component {
	url := "pkg:golang/" + path + "@" + version
	c := cdx.Component{
		BOMRef:     url,
		Type:       cdx.ComponentTypeLibrary,
		Name:       path,
		Version:    version,
		Scope:      cdx.ScopeRequired,
		PackageURL: url,
	}
	if strings.Contains(licence, " ") {
		c.Licenses = &cdx.Licenses{{Expression: licence}}
	} else {
		c.Licenses = &cdx.Licenses{{License: &cdx.License{ID: licence}}}
	}
	if sum != "" { // of the module's files as go.sum has it, which is no hash of one file
		c.Properties = &[]cdx.Property{{Name: "go:sum", Value: sum}}
	}
	return c
}

type key struct{ path, version string }

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\S+) \\| ([^|]+) \\|$")

// listed reads the table of the list of licences. Go's own library is in it whatever its patch.
func listed(file string) (map[key]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all := map[key]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		if m[1] == "std" {
			m[2] = ""
		}
		all[key{m[1], m[2]}] = m[3]
	}
	return all, nil
}
