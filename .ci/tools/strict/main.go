// Strict reads Kubernetes manifests from standard input and decodes each into the
// API's own type. It fails on a field that the type does not have, on one that is
// given twice, and on two objects of the same kind and name.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// types are the kinds that may be deployed.
var types = map[string]func() any{
	"v1/ConfigMap":                            func() any { return &core.ConfigMap{} },
	"v1/PersistentVolumeClaim":                func() any { return &core.PersistentVolumeClaim{} },
	"v1/Pod":                                  func() any { return &core.Pod{} },
	"v1/Secret":                               func() any { return &core.Secret{} },
	"v1/Service":                              func() any { return &core.Service{} },
	"v1/ServiceAccount":                       func() any { return &core.ServiceAccount{} },
	"apps/v1/Deployment":                      func() any { return &apps.Deployment{} },
	"batch/v1/CronJob":                        func() any { return &batch.CronJob{} },
	"batch/v1/Job":                            func() any { return &batch.Job{} },
	"networking.k8s.io/v1/NetworkPolicy":      func() any { return &networking.NetworkPolicy{} },
	"monitoring.coreos.com/v1/PodMonitor":     func() any { return &monitoring.PodMonitor{} },
	"monitoring.coreos.com/v1/PrometheusRule": func() any { return &monitoring.PrometheusRule{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() any { return &monitoring.ServiceMonitor{} },
}

func main() {
	n, err := check(os.Stdin)
	fmt.Printf("%d objects\n", n)
	if err == nil && n == 0 {
		err = errors.New("there is nothing to check")
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func check(manifests io.Reader) (objects int, err error) {
	var errs []error
	seen := map[string]bool{}
	for _, document := range documents(manifests) {
		var head struct {
			APIVersion, Kind string
			Metadata         struct{ Name string }
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			errs = append(errs, err)
			continue
		}
		kind := head.APIVersion + "/" + head.Kind
		if kind == "/" {
			continue // nothing but comments
		}
		objects++
		name := kind + " " + head.Metadata.Name
		object, known := types[kind]
		switch {
		case !known:
			errs = append(errs, fmt.Errorf("%s: the kind is not among those that are deployed", name))
		case seen[name]:
			errs = append(errs, fmt.Errorf("%s: is there twice", name))
		default:
			if err := yaml.UnmarshalStrict(document, object()); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
		seen[name] = true
	}
	return objects, errors.Join(errs...)
}

// documents are what stands between the lines with three dashes.
func documents(r io.Reader) [][]byte {
	all := [][]byte{nil}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if bytes.HasPrefix(lines.Bytes(), []byte("---")) {
			all = append(all, nil)
			continue
		}
		last := &all[len(all)-1]
		*last = append(append(*last, lines.Bytes()...), '\n')
	}
	return all
}
