package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// download reads everything with Go's client and looks at nothing but the next cursor. No
// reader of a listing can be faster.
func download(url string, paged bool) error {
	if !paged {
		resp, err := http.Get(url + "/all")
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 64<<10))
		return err
	}
	var page bytes.Buffer
	for cursor := "0"; cursor != ""; {
		resp, err := http.Get(url + "/users?limit=100&cursor=" + cursor)
		if err != nil {
			return err
		}
		page.Reset()
		_, err = page.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return err
		}
		const name = `"next":`
		at := bytes.LastIndex(page.Bytes(), []byte(name))
		if at < 0 {
			return fmt.Errorf("cursor %s: the page has no next one", cursor)
		}
		next := bytes.TrimSuffix(page.Bytes()[at+len(name):], []byte("}"))
		cursor = string(bytes.Trim(next, `"`))
		if cursor == "null" {
			cursor = ""
		}
	}
	return nil
}
