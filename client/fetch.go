package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// fetch reads one page, with retries, and sends its items once all of them have
// come. Only a listing in one response, which may be long, is sent while it comes;
// a retry then sends again what the failed attempt has sent.
func (p *pagination) fetch(ctx context.Context, number int, pr pageRequest, send func(batch) error) (page, error) {
	pg := page{number: number, total: -1}
	r, err := p.request(pr)
	if err != nil {
		return pg, err
	}
	pg.url = r.url
	attempts := 0
	var batches []batch
	keep := func(b batch) error {
		b.attempt = attempts
		if !p.listing.IsPaged() {
			return send(b)
		}
		batches = append(batches, b)
		return nil
	}
	err = p.client.retry(ctx, p.operation, func() error {
		return p.client.withToken(ctx, p.operation, func(ctx context.Context, token string) error {
			pg.items, pg.size, batches = 0, 0, nil
			attempts++
			r.token = token
			return p.client.send(ctx, r, func(body io.Reader, header http.Header) error {
				if pg.header = header; !p.listing.IsPaged() {
					turnOf(ctx).end() // the rest comes as fast as it is used, and that may need other requests
				}
				return p.decode(body, &pg, keep)
			})
		})
	})
	if !p.listing.IsPaged() {
		p.attempts = attempts
	}
	for _, b := range batches {
		if err != nil {
			break
		}
		err = send(b)
	}
	if p.listing.Total == nil {
		return pg, err
	}
	var totalErr error
	pg.total, totalErr = readTotal(pg, *p.listing.Total)
	var response *responseError
	switch {
	case pr.probe && errors.As(err, &response) && (response.itemsNull || response.itemsMissing && totalErr == nil):
		return pg, nil // this is how some write that there are no items
	case err != nil, pr.probe && pg.items == 0: // an empty page need not have a total
		return pg, err
	}
	return pg, totalErr
}

// maxPageSize bounds the items of one page, in bytes. A page waits in memory until all
// of it has come; a listing in one response does not, and has no bound.
const maxPageSize = 32 << 20

// totalFormat is how a total is written, as a number or as text.
var totalFormat = regexp.MustCompile(`^[0-9]{1,9}$`)

// readTotal returns how many items the page says that there are, or -1 with an error.
func readTotal(p page, l profile.Location) (int, error) {
	total := p.at(l)
	if total.IsObject() || total.IsArray() || !totalFormat.MatchString(total.String()) {
		return -1, mismatchf("total", "%s is %s, not the number of items", l, profile.Describe(total))
	}
	return int(total.Int()), nil
}

// checkSize adds an item to the size of the page, and returns an error if the page is too large.
func (p *pagination) checkSize(pg *page, itemSize int) error {
	const fixed = 64 // bytes that an item takes besides its own
	pg.size += fixed + itemSize
	switch {
	case pg.items > p.client.maxItems:
		return errEndless(p.client.maxItems)
	case pg.size > maxPageSize:
		return mismatchf("size", "it is larger than %d MiB after %d items: request fewer on a page (DORMANT_PAGE_SIZE)", maxPageSize>>20, pg.items)
	}
	return nil
}

// A flushingBody is a response to a listing of which all that has come is handed over before
// more is waited for.
type flushingBody struct {
	body io.Reader
	out  *batcher
}

func (b *flushingBody) Read(p []byte) (int, error) {
	if err := b.out.flush(); err != nil {
		return 0, err
	}
	return b.body.Read(p)
}

// decode reads a response into the page and sends its items. What has come is sent before
// more is waited for, and also if then an error comes in place of more.
func (p *pagination) decode(body io.Reader, pg *page, send func(batch) error) error {
	out := &batcher{page: pg.number, send: send}
	err := p.decodeItems(body, pg, out)
	if flushErr := out.flush(); err == nil {
		err = flushErr
	}
	pg.last = out.last
	if out.err != nil {
		return out.err // and not what reading has made of it
	}
	return err
}

func (p *pagination) decodeItems(body io.Reader, pg *page, out *batcher) error {
	items := p.listing.Items
	if len(items) == 0 { // the answer is the one item
		document, err := decodeJSON(body)
		if err != nil {
			return err
		}
		pg.items, pg.envelope = 1, document
		return out.add("", []byte(document.Raw))
	}
	paged := p.listing.IsPaged()
	if !paged {
		body = &flushingBody{body, out}
	}
	var hash maphash.Hash
	hash.SetSeed(p.client.hashSeed)
	envelope, err := decodeListing(body, items, p.listing.Keyed, func(name string, raw []byte) error {
		pg.items++
		if plainName := p.listing.Plain; plainName != "" {
			value := gjson.ParseBytes(raw)
			if !profile.IsPlain(value) {
				return mismatchf("plain", "item %d is %s, not text or a number", pg.items, profile.Describe(value))
			}
			raw = []byte(wrapInObject(plainName, value).Raw)
		}
		if paged { // a page can be one of the others once more
			_, _ = hash.WriteString(name) // never fails
			_ = hash.WriteByte(0)
			_, _ = hash.Write(raw)
			if err := p.checkSize(pg, len(name)+len(raw)); err != nil {
				return err
			}
		}
		return out.add(name, raw)
	})
	var response *responseError
	if errors.As(err, &response) && response.itemsMissing && p.listing.None != "" && envelope.Get(p.listing.None).Exists() {
		err = nil
	}
	pg.envelope, pg.hash = envelope, hash.Sum64()
	return err
}

// pageSize is how many items a page is requested with, or 0.
func (p *pagination) pageSize() int {
	switch size := p.listing.Size; {
	case size == nil:
		return 0
	case p.client.pageSize > 0 && p.operation == opList:
		return p.client.pageSize
	default:
		return size.Default
	}
}

// request is the request for a page.
func (p *pagination) request(pr pageRequest) (request, error) {
	l := p.listing
	r := request{operation: p.operation, method: cmp.Or(l.Method, http.MethodGet), stream: true, public: p.user.ID == ""}
	bindings, err := p.client.bindings.ForAccount(p.user, l.Path, l.Body, slices.Collect(maps.Values(l.Query))...)
	if err != nil {
		return r, err
	}
	if pr.url != nil {
		r.url = pr.url
		return r, nil
	}
	params := map[string]any{}
	if l.Size != nil {
		params[l.Size.Param] = p.pageSize()
	}
	maps.Copy(params, pr.params)
	query := profile.ExpandAll(l.Query, bindings)
	if r.method == http.MethodPost {
		body := l.Body.Expand(bindings)
		for name, value := range params {
			body = setMember(body, strings.Split(name, "."), value)
		}
		if r.body, err = json.Marshal(body); err != nil {
			return r, err
		}
	} else {
		for name, value := range params {
			query[name] = fmt.Sprint(value)
		}
	}
	r.url, err = p.client.target(l.Path, bindings, query)
	return r, err
}

// setMember sets a value in a JSON document, and makes the objects on the path to it.
func setMember(document any, path []string, value any) any {
	object, ok := document.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	if len(path) > 1 {
		value = setMember(object[path[0]], path[1:], value)
	}
	object[path[0]] = value
	return object
}

// isPageNotFound reports whether the answer says that there is no such page.
func isPageNotFound(err error) bool {
	return !isRateLimited(err) && hasCode(err, http.StatusNoContent, http.StatusBadRequest, http.StatusNotFound,
		http.StatusRequestedRangeNotSatisfiable, http.StatusUnprocessableEntity)
}

// explainNotFound adds to the error of a page that does not exist what may be the
// cause. Of the first page, that is a wrong path. Of one that was requested by its
// number, accounts may have been removed since the page before; or this is how the
// directory ends a listing without a total. A cursor may have expired, so that the listing
// has to be read from its start.
func (p *pagination) explainNotFound(err error, number int) error {
	counted := p.listing.Page != nil || p.listing.Offset != nil
	switch {
	case errors.Is(err, job.ErrSignedOut): // it is not the listing that is not there
		return err
	case number == 1 && hasCode(err, http.StatusNotFound):
		return fmt.Errorf("%w (%s)", err, p.client.profile.Where(p.key+".path"))
	case number == 1 || !isPageNotFound(err) && !hasCode(err, http.StatusGone):
		return err
	case !counted: // what led there is good for a while only, or for as long as what it names is there
		return fmt.Errorf("%w: the way to this page has expired, or %w", err, job.ErrChanged)
	case !isPageNotFound(err):
		return err
	case p.listing.Total == nil:
		return fmt.Errorf("%w: %w, or this is its end, which only a total could tell (%s)", err, job.ErrChanged, p.client.profile.Where(p.key+".total"))
	}
	return fmt.Errorf("%w: %w", err, job.ErrChanged)
}
