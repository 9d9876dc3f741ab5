package job

import (
	"context"
	"errors"
	"iter"
)

// Directory is the interface to a user directory. Its methods are safe for concurrent
// use, return when their context is done, and name the operation in their errors.
type Directory interface {
	// Self returns the account that the credentials belong to. It returns
	// ErrUnsupported where the directory has no operation for that.
	Self(ctx context.Context) (User, error)

	// Users yields every account once. If it yields an error, it yields nothing
	// more, and the accounts before must not be taken for the whole directory. The
	// error is ErrChanged if another reading may succeed. Whoever keeps an account
	// keeps its Clone.
	Users(ctx context.Context) iter.Seq2[User, error]

	// User reads the account u again, with all that the directory has about it. It
	// returns ErrNotFound if the account is gone, and ErrUnsupported where the
	// directory can't read a single account.
	User(ctx context.Context, u User) (User, error)

	// Find looks for the account u once more, whether it is still there and whether it is
	// disabled, and reads nothing else of it. It returns ErrNotFound and ErrUnsupported as
	// User does; with ErrNotFound it may return an account that the directory keeps and
	// shows although it is gone or disabled. It returns ErrUnproven if the account was not
	// found by a name that leads to it.
	Find(ctx context.Context, u User) (User, error)

	// Renew makes the next request sign in anew, where the program signs in.
	Renew()

	// Remove removes the account u for good. It calls confirm right before each
	// request; if confirm returns an error, it sends nothing and returns that error,
	// with ErrMaybeDone if an earlier request leaves open what has become of u.
	// It returns ErrNotFound if the account is already gone, ErrAccepted, ErrUnclear or
	// ErrUnnamed if the answer does not say that it was done, ErrRefused if the directory
	// does not do it for this account, ErrHalfDone if only some of the steps of a removal
	// succeeded, and ErrRenamed if a request would address the account by a value that is
	// no longer its own. Once ctx is done, no request
	// starts, and a request under way ends.
	Remove(ctx context.Context, u User, confirm Confirm) error

	// Disable stops the account u from logging in and changes nothing else about it.
	// It uses confirm and returns errors as Remove does, and ErrUnsupported where the
	// directory can't disable accounts.
	Disable(ctx context.Context, u User, confirm Confirm) error
}

// Confirm is called right before each request that changes an account. It looks at the
// account again and, if it could read it, calls prepare with what it read, which fills
// the request; only after prepare has succeeded does it record the intent. If it returns
// an error, the request must not be sent. Without a call of prepare, the request is filled
// from the account that was planned.
type Confirm func(ctx context.Context, prepare func(current User) error) error

// Warner is a Directory that tells what the operator should look at before the next run.
type Warner interface {
	// Warnings returns what was noticed so far, each once.
	Warnings() []Warning
}

// Errors that a Directory returns, wrapped with the operation.
var (
	ErrNotFound    = errors.New("no such account")
	ErrUnsupported = errors.New("the directory has no such operation")
	ErrUnsafeID    = errors.New("the id can't stand in a URL without doubt")
	ErrCredentials = errors.New("the directory rejects the credentials")

	// ErrUnproven means that there is no account with the name by which it was looked for. It
	// may have another name by now.
	ErrUnproven = errors.New("there is no account with this name any more")

	// ErrAmbiguous means that no request was sent, because it would say which account it is
	// about by what another account has as well, but for its case or the like.
	ErrAmbiguous = errors.New("another account has the same name, or one that differs in case or the like, by which a request would address it")

	// ErrRenamed means that no request was sent, because the account has another name
	// than in the plan, and the old name may belong to another account now.
	ErrRenamed = errors.New("the account has been renamed since it was planned")

	// ErrMaybeDone comes with the error of a Confirm if an earlier request of the same call
	// may have been carried out, or may still be: it got no answer, or one that leaves it open.
	ErrMaybeDone = errors.New("an earlier request may have been carried out all the same")

	// ErrAccepted means that the directory says that it will make the change later.
	ErrAccepted = errors.New("the directory says that it will be done")

	// ErrUnclear means that the code of an answer is one of success, and that the answer
	// itself does not say whether the change was made.
	ErrUnclear = errors.New("nobody knows yet whether it was done")

	// ErrUnnamed means the same of an answer with a code that the profile does not name.
	ErrUnnamed = errors.New("the profile does not say what the answer means")

	// ErrRefused means that the directory does not make the change for this account,
	// whoever asks; others are no different for it.
	ErrRefused = errors.New("the directory refuses this for this account")

	// ErrDeclined means that the directory answered and did not make the change. Another
	// account may fare better.
	ErrDeclined = errors.New("the directory did not do it")

	// ErrHalfDone means that the account was changed but is not removed.
	ErrHalfDone = errors.New("only some of the steps have been taken")

	// ErrChanged means that the parts of a listing contradict each other, for instance
	// because the directory changed while it was read. Another reading may succeed.
	ErrChanged = errors.New("the listing changed while it was read")

	// ErrProfile means that an answer is not what the profile describes.
	ErrProfile = errors.New("the profile does not fit the directory")

	// ErrSignedOut is returned together with ErrCredentials if every later request
	// would fail as well: the caller is not recognised at all, rather than not
	// allowed a single operation.
	ErrSignedOut = errors.New("the directory does not know the caller")
)
