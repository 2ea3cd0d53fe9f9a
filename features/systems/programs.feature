@wall-clock @needs-http
Feature: Programs under test
  A program that crashes, never gets ready or dies at the wrong moment fails its scenario at once, with
  what it said last. Nothing of it is left when the scenario ends.

  @real-6
  Scenario: A program that runs once has ended when it has started
    Given the system "report"
      """json
      { "command": ["sh", "-c", "echo written; echo to both >&2; exit 3"], "once": true }
      """
    When the system "report" starts
    Then the system "report" has ended with 3
    And the output of "report" contains "written"
    And the output of "report" contains "to both"
    And the timeline has, in order:
      | event          | system | status        |
      | system_started | report |               |
      | system_ended   | report | with status 3 |

  @real-6
  Scenario: A line of the output tells that a program is ready
    Given the system "worker"
      """json
      { "command": ["sh", "-c", "sleep 0.1; echo \"listening on $PORT\"; sleep 60"], "env": { "PORT": "${/port}" }, "ready": "line ^listening on [0-9]+$" }
      """
    When the system "worker" starts
    Then the system "worker" is running
    And the output of "worker" contains "listening on"
    When the system "worker" stops
    Then the timeline has, in order:
      | event          | system | status       |
      | system_started | worker |              |
      | system_ready   | worker |              |
      | system_ended   | worker | by signal 15 |

  @real-6
  Scenario: A program that ignores the request to end is killed when it is told to restart
    Given the system "stubborn"
      """json
      { "command": ["sh", "-c", "trap '' TERM; echo up; while true; do sleep 0.1; done"], "ready": "line up" }
      """
    When the system "stubborn" starts
    And the system "stubborn" restarts
    And the system "stubborn" is killed
    Then the timeline has, in order:
      | event          |
      | system_started |
      | system_ready   |
      | system_killed  |
      | system_started |
      | system_ready   |
      | system_killed  |

  @real-6
  Scenario: A program that ends is waited for
    Given the system "batch"
      """json
      { "command": ["sh", "-c", "echo begun; sleep 0.2; exit 7"], "ready": "line begun" }
      """
    When the system "batch" starts
    And the system "batch" ends
    Then the system "batch" has ended with 7

  @real-6
  Scenario: A hundred megabytes of output block nothing
    Given the system "chatty"
      """json
      { "command": ["sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 1000; echo; echo the end"], "once": true, "within": "60s" }
      """
    When the system "chatty" starts
    Then the system "chatty" has ended with 0
    And the output of "chatty" contains "the end"
    And the output of "chatty" contains "(earlier output was dropped)"

  @real-10
  Scenario: A program finds another by its ports
    Given the system "server"
      """json
      {
        "command": ["sh", "-c", "echo ${/port} ${/ports/admin} > ${/directory}/ports; echo up; sleep 60"],
        "ports": ["admin"],
        "ready": "line up"
      }
      """
    And the system "worker"
      """json
      {
        "command": ["sh", "-c", "read -r port admin < ${/directory}/ports; test $port != $admin && test $port = $SERVER && test $admin = $ADMIN"],
        "env": { "SERVER": "${/systems/server/port}", "ADMIN": "${/systems/server/ports/admin}" },
        "once": true
      }
      """
    When the system "server" starts
    And the system "worker" starts
    Then the system "worker" has ended with 0

  @real-10 @needs-python3
  Scenario Outline: A program is ready when a port that it has for that answers <how>
    Given the system "server"
      """json
      { "command": ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "${/ports/health}"], "ports": ["health"], "ready": "<ready>", "within": "60s" }
      """
    When the system "server" starts
    Then the system "server" is running
    And the output of "server" contains "Serving HTTP on"

    Examples:
      | how          | ready           |
      | a GET        | GET / at health |
      | a connection | port health     |
