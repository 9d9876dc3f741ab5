package job

import (
	"context"
	"errors"
	"iter"
)

// Directory is what a cleanup asks of a user directory. Its methods are safe
// for concurrent use, end their waits with their context, and name the
// operation in their errors.
type Directory interface {
	// Self returns the account that the directory takes the caller for.
	// It returns ErrUnsupported where the directory can't tell.
	Self(ctx context.Context) (User, error)

	// Users yields every account once, or an error and then nothing more.
	// Whatever was yielded before an error is not a directory.
	Users(ctx context.Context) iter.Seq2[User, error]

	// User reads one account again. It returns ErrNotFound if there is none
	// with this id, and ErrUnsupported where the directory can't read one.
	User(ctx context.Context, id string) (User, error)

	// Remove removes one account for good. It calls confirm right before each
	// request, and returns the error of confirm as it is, without a request.
	// It returns ErrNotFound if the account is already gone. Once ctx is done
	// no request starts, and one that is under way ends.
	Remove(ctx context.Context, id string, confirm func(context.Context) error) error
}

// Errors that a Directory returns, wrapped with the operation.
var (
	ErrNotFound    = errors.New("no such account")
	ErrUnsupported = errors.New("the directory has no such operation")
	ErrUnsafeID    = errors.New("the id can't stand in a URL without doubt")
	ErrCredentials = errors.New("the directory rejects the credentials")

	// ErrSignedOut comes together with ErrCredentials, if no later request will
	// fare better: the caller is unknown, and not merely forbidden this one thing.
	ErrSignedOut = errors.New("the directory does not know the caller")
)
