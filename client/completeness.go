package client

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// probe reads the page behind the one with which a listing has reached its total. There
// should be none; exists reports whether there is one all the same.
func (p *pagination) probe(ctx context.Context, number int, pr pageRequest, send func(batch) error) (pg page, exists bool, err error) {
	var batches []batch
	pg, err = p.fetch(ctx, number, pr, func(b batch) error {
		batches = append(batches, b)
		return nil
	})
	switch {
	case isPageNotFound(err):
		return pg, false, nil
	case err != nil:
	case pg.items > 0 && p.progress.hashes[pg.hash] == number-1 && pg.total > p.maxTotal: // one that is new has moved the others
		err = fmt.Errorf("there are %d items by now, and there were %d: %w", pg.total, p.maxTotal, job.ErrChanged)
	case pg.items > 0 && p.progress.hashes[pg.hash] == number-1:
		err = p.checkRepeatedProbe(ctx, pg)
	case pg.items > 0 && number == 2 && pg.total <= p.maxTotal:
		err = p.misfit("total", "there are more than the %d items that %s says that there are; if it counts those of a page, leave it out", p.maxTotal, p.listing.Total)
	default:
		for _, b := range batches {
			if err := send(b); err != nil {
				return pg, false, err
			}
		}
		return pg, true, nil
	}
	if err != nil {
		err = fmt.Errorf("page %d: %w", number, err)
	}
	return pg, false, err
}

// checkRepeatedProbe judges a probe that returned the page before once more. Some
// directories answer so to each number behind the last one. But if it is the first page,
// the directory may ignore the number, and the total may be that of the page.
func (p *pagination) checkRepeatedProbe(ctx context.Context, pg page) error {
	if pg.number > 2 {
		return nil
	}
	evidence, err := p.readHalf(ctx, pg)
	if err != nil || evidence == isWhole || evidence == isUnclear && !looksFull(pg.items, p.pageSize()) {
		return err
	}
	return p.misfit(p.pagingKey(), "it is page 1 once more, and nothing tells whether the total, %d, counts more than that page", pg.total)
}

// verifySilentEnd returns an error unless the first page, which does not say anything
// about a next one, is the whole listing: the profile may look for the next one in
// the wrong place.
func (p *pagination) verifySilentEnd(ctx context.Context, pg page) error {
	if p.operation != opList || len(p.listing.Items) == 0 {
		return nil
	}
	if pointer := findPointer(pg); pointer != "" {
		return p.misfit(p.pagingKey(), "%s, but the answer has %s, so there is a next page", p.describeSilence(), pointer)
	}
	full, sample := looksFull(pg.items, p.pageSize()), p.maxPages > 0
	if !p.listing.IsPaged() {
		p.endAssumed = full && pg.total < 0
		return nil
	}
	if pg.items == 0 || !full && !sample {
		return nil
	}
	evidence, err := p.readHalf(ctx, pg)
	switch {
	case err != nil, evidence == isWhole, evidence == isUnclear && pg.total == pg.items:
		return err
	case evidence == isCut:
		return p.misfit(p.pagingKey(), "%s, and there is none either on a page with fewer than these %d items, so the next page is to be found elsewhere", p.describeSilence(), pg.items)
	case !full:
		p.endAssumed = true
		return nil
	}
	return p.misfit(p.pagingKey(), "%s, and nothing tells whether these %d items are all: correct the path, or add %s.total, or %s.size if there is none", p.describeSilence(), pg.items, p.key, p.key)
}

// misfit is an error about the profile at the key, relative to that of the listing.
func (p *pagination) misfit(key, format string, args ...any) error {
	return fmt.Errorf("%w: %w", job.ErrProfile, mismatchf(key, format, args...))
}

// pagingKey is the key of the listing that tells how to get to the next page.
func (p *pagination) pagingKey() string {
	switch l := p.listing; {
	case l.Cursor != nil:
		return "cursor.next"
	case l.Next != nil:
		return "next"
	case l.After != nil:
		return "after"
	case l.Page != nil:
		return "page.param"
	case l.Offset != nil:
		return "offset.param"
	}
	return "path"
}

// describeSilence says what the page does not have.
func (p *pagination) describeSilence() string {
	switch l := p.listing; {
	case l.Cursor != nil:
		return "there is no " + l.Cursor.Next
	case l.Next != nil && l.Next.Header != "":
		return "there is no header " + l.Next.Header
	case l.Next != nil:
		return "there is no " + l.Next.Path
	}
	return "one response should have all"
}

// evidence is what is known of a first page that may be the whole listing.
type evidence uint8

const (
	isUnclear evidence = iota
	isWhole
	isCut
)

// readHalf reads the first page, pg, once more with half as many items. That page is cut
// off for certain. If it points to a next one, or has a total that counts more than its
// items, then pg, which does not, is whole. A directory that ignores the size leaves
// that unclear.
func (p *pagination) readHalf(ctx context.Context, pg page) (evidence, error) {
	size := pg.items / 2
	if p.listing.Size == nil || size == 0 {
		return isUnclear, nil
	}
	pager := newPager(p.listing, size, false, p.client.base.EscapedPath())
	pr := pageRequest{params: map[string]any{p.listing.Size.Param: size}}
	maps.Copy(pr.params, pager.first().params)
	half, err := p.fetch(ctx, 1, pr, func(batch) error { return nil })
	switch {
	case isPageNotFound(err):
		return isUnclear, nil
	case err != nil:
		return isUnclear, fmt.Errorf("with %s=%d: %w", p.listing.Size.Param, size, err)
	case half.items == 0 || half.items >= pg.items:
		return isUnclear, nil
	case half.total > half.items && half.total != pg.total:
		return isUnclear, fmt.Errorf("the total was %d, and then %d: %w", pg.total, half.total, job.ErrChanged)
	case half.total > half.items:
		return isWhole, nil
	case p.listing.Cursor == nil && p.listing.Next == nil:
		return isCut, nil
	}
	_, e, err := pager.next(half)
	if e == notEnd {
		return isWhole, err
	}
	return isCut, err
}

// pointerNames are names of members that point to a next page, in lower case and
// without what stands between their words.
var pointerNames = regexp.MustCompile(`^(odata)?next(page)?(token|link|url|uri|href|cursor|marker|offset|start|number|key|id)?$` +
	`|^continu(e|ation)(token)?$|^(has(more|next|nextpage)|more|moreavailable)$`)

// wordSeparators removes what stands between the words of a name.
var wordSeparators = strings.NewReplacer("_", "", "-", "", ".", "", "@", "", "$", "", ":", "")

// findPointer describes what in the page, apart from its items, points to a next one,
// wherever it is. It returns "" if there is nothing.
func findPointer(pg page) string {
	if nextLink(pg.header.Values("Link")) != "" {
		return "a header Link to the next page"
	}
	const maxDepth = 3
	return findPointerIn(pg.envelope, "", maxDepth)
}

func findPointerIn(object gjson.Result, path string, depth int) (found string) {
	object.ForEach(func(name, value gjson.Result) bool {
		switch {
		case pointerNames.MatchString(wordSeparators.Replace(strings.ToLower(name.Str))) && isPointer(value):
			found = fmt.Sprintf("%.80q", path+name.Str)
		case value.IsObject() && depth > 1:
			found = findPointerIn(value, path+name.Str+".", depth-1)
		}
		return found == ""
	})
	return found
}

// isPointer reports whether the value points to a page, or says that there is one.
func isPointer(v gjson.Result) bool {
	switch v.Type {
	case gjson.String:
		return v.Str != "" && v.Str != "0"
	case gjson.Number:
		return v.Num > 0
	case gjson.JSON:
		return v.IsObject() && v.Get("href").Str != "" // as HAL writes it
	case gjson.True:
		return true
	case gjson.Null, gjson.False:
	}
	return false
}
