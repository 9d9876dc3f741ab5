# What people write in place of a program: one session, all accounts in a list, a report as JSON.
import datetime, json, sys
base, paged, out = sys.argv[1], sys.argv[2] == "paged", sys.argv[3]
try:
    import requests
    session = requests.Session()
    def get(path):
        answer = session.get(base + path, timeout=30)
        answer.raise_for_status()
        return answer.json()
except ImportError:  # the standard library, which is faster
    import http.client, urllib.parse
    connection = http.client.HTTPConnection(urllib.parse.urlparse(base).netloc, timeout=30)
    def get(path):
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            sys.exit(answer.status)
        return json.load(answer)

if paged:
    accounts, cursor = [], "0"
    while cursor:
        page = get("/users?limit=100&cursor=" + cursor)
        accounts += page["items"]
        cursor = page["next"]
else:
    accounts = get("/all")["items"]

cutoff = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=90)
found = []
for account in accounts:
    if account["is_admin"] or not account["last_login"]:
        continue
    last = datetime.datetime.fromisoformat(account["last_login"].replace("Z", "+00:00"))
    if last < cutoff:
        found.append({"id": account["id"], "username": account["username"], "email": account["email"],
                      "last_login": account["last_login"], "action": "remove"})
with open(out, "w") as f:
    json.dump({"scanned": len(accounts), "accounts": found}, f, indent=2)
