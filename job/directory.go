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

	// User reads the account u again, all that the directory tells of it. It
	// returns ErrNotFound if it is gone, and ErrUnsupported where the directory
	// can't read a single one.
	User(ctx context.Context, u User) (User, error)

	// Remove removes the account u for good. It calls confirm right before each
	// request, and returns the error of confirm as it is, without a request.
	// It returns ErrNotFound if the account is already gone, and ErrHalfDone if
	// some of several steps have been taken and the others not. Once ctx is done
	// no request starts, and one that is under way ends.
	Remove(ctx context.Context, u User, confirm func(context.Context) error) error

	// Disable takes from the account u the right to log in, and nothing else.
	// Otherwise it is like Remove. It returns ErrUnsupported where the directory
	// has no such thing.
	Disable(ctx context.Context, u User, confirm func(context.Context) error) error
}

// Errors that a Directory returns, wrapped with the operation.
var (
	ErrNotFound    = errors.New("no such account")
	ErrUnsupported = errors.New("the directory has no such operation")
	ErrUnsafeID    = errors.New("the id can't stand in a URL without doubt")
	ErrCredentials = errors.New("the directory rejects the credentials")

	// ErrHalfDone says that the account is not what it was, and not gone either.
	ErrHalfDone = errors.New("only some of the steps have been taken")

	// ErrProfile says that the directory answers, but not as the profile says.
	ErrProfile = errors.New("the profile does not fit the directory")

	// ErrSignedOut comes together with ErrCredentials, if no later request will
	// fare better: the caller is unknown, and not merely forbidden this one thing.
	ErrSignedOut = errors.New("the directory does not know the caller")
)
