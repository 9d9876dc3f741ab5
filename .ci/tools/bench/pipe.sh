# What people write at a prompt: curl reads, jq picks, and xargs would go on with each.
base=$1 how=$2
cutoff=$(date -u -d '90 days ago' +%Y-%m-%dT%H:%M:%SZ)
# shellcheck disable=SC2016 # $cutoff is jq's
pick='.items[] | select((.is_admin | not) and .last_login != null and .last_login < $cutoff) | [.id, .username, .email, .last_login] | @tsv'
if [ "$how" = whole ]; then
  curl -sf "$base/all" | jq -r --arg cutoff "$cutoff" "$pick"
  exit
fi
cursor=0
while [ -n "$cursor" ]; do
  page=$(curl -sf "$base/users?limit=100&cursor=$cursor") || exit 1
  jq -r --arg cutoff "$cutoff" "$pick" <<<"$page"
  cursor=$(jq -r '.next // empty' <<<"$page")
done
