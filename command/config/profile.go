package config

import (
	"fmt"
	"slices"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// profileProblems are protections that the profile can't give, and settings that
// it has no use for.
func (c Config) profileProblems() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(c.ProtectRoles) > 0 && c.Profile.User.Roles.Path == "" {
		add("DORMANT_PROTECT_ROLES: profile %s reads no roles, so they can't protect anybody; use DORMANT_ALLOWLIST", c.Profile.Name)
	}
	if !c.DryRun && c.Profile.SendsActor() && c.Actor == "" {
		add("DORMANT_ACTOR: is required to remove with profile %s: the directory is told who removes, and that account is kept", c.Profile.Name)
	}
	problems = append(problems, c.cannotDisable()...)
	if !c.Recheck && c.ProtectAdmins && c.Profile.AdminsNeedLookup() {
		add("DORMANT_RECHECK=false: profile %s finds out who is an administrator only by the second look; "+
			"leave it on, or set DORMANT_PROTECT_ADMINS=false", c.Profile.Name)
	}
	steps := c.Profile.Remove
	switch {
	case c.Action == ActionDisable:
		steps = c.Profile.Disable
	case c.DisableAfter > 0:
		steps = slices.Concat(c.Profile.Remove, c.Profile.Disable)
	}
	if name := steps.ByName(c.Profile.User); !c.Recheck && name != "" {
		add("DORMANT_RECHECK=false: profile %s acts by {%s}, a name that may be somebody else's by then; only the second look tells; leave it on", c.Profile.Name, name)
	}
	switch size := c.Profile.List.Size; {
	case c.PageSize > 0 && size == nil:
		add("DORMANT_PAGE_SIZE: the listing of profile %s has no pages of a size", c.Profile.Name)
	case size != nil && size.Max > 0 && c.PageSize > size.Max:
		add("DORMANT_PAGE_SIZE=%d: the directory of profile %s sends %d at most", c.PageSize, c.Profile.Name, size.Max)
	}
	return problems
}

// Limits returns what the guards of a run allow.
func (c Config) Limits() job.Limits {
	return job.Limits{
		MaxRemovals: c.MaxRemovals, MaxRemovalPercent: c.MaxRemovalPercent, RequireActive: c.RequireActive,
		MaxSilence: time.Duration(c.MaxSilence), Remedy: c.loginsRemedy(),
	}
}

// loginsRemedy says how the last logins of the profile's directory become known; nothing if
// they come from elsewhere already.
func (c Config) loginsRemedy() string {
	const file = "give the last logins in DORMANT_ACTIVITY_FILE"
	param := c.Profile.CoverageParam()
	_, chosen := c.Params[param]
	told := len(c.Profile.User.LastLogin.Path) > 0
	switch {
	case c.ActivityFile != "":
		return ""
	case !told && param != "" && !chosen:
		return fmt.Sprintf("say with DORMANT_PARAMS=%s=… what it means that an account is not among the directory's events "+
			"(dormant profiles %s has the choices), or %s", param, c.ProfileName, file)
	case !told && param == "":
		return file
	}
	return "check the profile and what the credentials may see, or " + file
}

// cannotDisable are settings about disabling where the profile does not say how an
// account is disabled, or which are.
func (c Config) cannotDisable() []error {
	var problems []error
	for _, s := range []struct {
		set, disables bool
		setting       string
	}{
		{c.Action == ActionDisable, true, "DORMANT_ACTION=disable"},
		{c.DisableAfter > 0, true, fmt.Sprintf("DORMANT_DISABLE_AFTER=%q", c.DisableAfter)},
		{c.RequireDisabled, false, "DORMANT_REQUIRE_DISABLED=true"},
	} {
		if s.set && s.disables && len(c.Profile.Disable) == 0 {
			problems = append(problems, fmt.Errorf("%s: profile %s does not say how an account is disabled (disable)", s.setting, c.Profile.Name))
		}
		if s.set && len(c.Profile.User.Disabled) == 0 {
			problems = append(problems, fmt.Errorf("%s: profile %s does not say which accounts are disabled (user.disabled)", s.setting, c.Profile.Name))
		}
	}
	return problems
}

// TurnedOn returns the profile's destructive parameters that are on, and what each
// makes a removal do.
func (c Config) TurnedOn() map[string]string {
	return profile.Values{Params: c.Params}.EnabledExtras(c.Profile)
}
