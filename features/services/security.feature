@configuration-14
Feature: Security
  A security context says who a call is made for. It travels with every call; a service that knows its
  callers, or an operation that needs a permission, is not reached by those who may not call it.

  Background:
    Given the services from "newsroom"

  Rule: An operation that needs a permission is only reached by those who have it

    Scenario: A user who has the permission is served
      Given the security context:
        | field       | value          |
        | user        | ada            |
        | permissions | articles.write |
        | session     | s-1            |
      When "Articles.write" is called
      Then the call succeeds
      And it takes 20 ms
      And the timeline has, in order:
        | event        | caller   | call           | user | session | result |
        | call_started | scenario | Articles.write | ada  | s-1     |        |
        | call_ended   | scenario | Articles.write | ada  | s-1     | ok     |

    Scenario: A call without the permission does not reach its service
      Given "Articles.publish" fails 1 time with "NETWORK_TIMEOUT"
      And every call is retried up to 3 times
      And a circuit breaker on "Articles" opening after 1 failure for 30 s
      And a bulkhead of 1 call on "Articles"
      And a budget:
        | field | value |
        | calls | 10    |
      And the security context:
        | field       | value          |
        | user        | ada            |
        | permissions | articles.write |
      When "Articles.publish" is called 3 times at once
      Then 3 calls fail with "PERMISSION_DENIED"
      And the failure has:
        | path        | value                                                                                      |
        | /message    | ada does not have the permission "articles.publish"                                        |
        | /mode       | user_permission                                                                            |
        | /retryable  | false                                                                                      |
        | /service    | Articles                                                                                   |
        | /operation  | publish                                                                                    |
      And it takes 0 ms
      And "Articles.publish" is never executed
      And the circuit breaker on "Articles" is closed
      And the budget has:
        | path        | value |
        | /calls/used | 0     |
      And the timeline has, in order:
        | event        | call             | user | by            | code              | permission       |
        | call_refused | Articles.publish | ada  | authorisation | PERMISSION_DENIED | articles.publish |
        | call_refused | Articles.publish | ada  | authorisation | PERMISSION_DENIED | articles.publish |
        | call_refused | Articles.publish | ada  | authorisation | PERMISSION_DENIED | articles.publish |
      Given the security context:
        | field | value  |
        | user  | bea    |
        | roles | editor |
      When "Articles.publish" is called
      Then the call fails with "SERVICE_UNAVAILABLE"
      And the circuit breaker on "Articles" is open
      And "Articles.publish" is executed 1 time

    Scenario: A call for no user is refused where a permission is needed, and served where none is
      When "Articles.publish" is called
      Then the call fails with "PERMISSION_DENIED"
      And the failure has:
        | path     | value                                                                       |
        | /message | the permission "articles.publish" is needed, and the call is for no user    |
      When "Articles.read" is called
      Then the call succeeds

    Scenario Outline: A user with the roles <roles> may <operation>: <result>
      Given the security context:
        | field | value   |
        | user  | ada     |
        | roles | <roles> |
      When "Articles.<operation>" is called
      Then the timeline has, in order:
        | event   | call                 | user | result   | code   |
        | <event> | Articles.<operation> | ada  | <result> | <code> |

      Examples:
        | roles              | operation | event        | result | code              |
        | author             | read      | call_ended   | ok     |                   |
        | author             | write     | call_ended   | ok     |                   |
        | author             | publish   | call_refused |        | PERMISSION_DENIED |
        | editor             | publish   | call_ended   | ok     |                   |
        | author, editor     | publish   | call_ended   | ok     |                   |
        | ["author"]         | write     | call_ended   | ok     |                   |

    Scenario: What a role grants counts when the call is made
      Given the role "author" grants "articles.write, articles.publish"
      And the security context:
        | field | value  |
        | user  | ada    |
        | roles | author |
      When "Articles.publish" is called
      Then the call succeeds
      Given the role "author" grants ""
      When "Articles.publish" is called
      Then the call fails with "PERMISSION_DENIED"

    Scenario: A similar permission is named where the one that is needed is missing
      Given the security context:
        | field       | value           |
        | user        | ada             |
        | permissions | articles.wirte  |
      When "Articles.write" is called
      Then the failure has:
        | path     | value                                                                              |
        | /code    | PERMISSION_DENIED                                                                  |
        | /message | ada does not have the permission "articles.write", only the similar "articles.wirte" |

    Scenario: A fallback does not stand in for what a user may not call
      Given a circuit breaker on "Articles":
        | field            | value         |
        | failureThreshold | 1             |
        | fallback         | {"title": "-"} |
      When "Articles.publish" is called
      Then the call fails with "PERMISSION_DENIED"

    Scenario: A health probe that is refused says nothing about the service
      Given a service "Presses"
        """json
        { "operations": { "health": { "permission": "presses.watch" } } }
        """
      When the health of "Presses" is checked
      Then "Presses" is of unknown health

  Rule: A run has the context that it began with

    Background:
      Given the workflow:
        """json
        {
          "id": "release",
          "steps": [
            { "id": "draft", "service": "Articles", "operation": "write", "compensation": "withdraw" },
            {
              "id": "press",
              "workflow": {
                "id": "press",
                "steps": [{ "id": "publish", "service": "Articles", "operation": "publish", "compensation": "withdraw" }]
              }
            },
            { "id": "tell", "service": "Readers", "operation": "notify" }
          ]
        }
        """
      And the security context:
        | field   | value  |
        | user    | bea    |
        | roles   | editor |
        | session | s-7    |

    Scenario: It travels with the calls of steps, of child runs and of compensations
      Given "Readers.notify" fails with "PERMANENT_ERROR"
      When the workflow runs
      Then the workflow is rolled back
      And the timeline has, in order:
        | event        | call              | run             | step    | user | session | result       |
        | call_ended   | Articles.write    | release-1       | draft   | bea  | s-7     | ok           |
        | call_ended   | Articles.publish  | release-1/press | publish | bea  | s-7     | ok           |
        | call_ended   | Readers.notify    | release-1       | tell    | bea  | s-7     | PERMANENT_ERROR |
        | call_ended   | Articles.withdraw | release-1/press | publish | bea  | s-7     | ok           |
        | call_ended   | Articles.withdraw | release-1       | draft   | bea  | s-7     | ok           |

    Scenario: What was done is undone without a permission
      Given "Readers.notify" fails with "PERMANENT_ERROR"
      When "Articles.withdraw" is called
      Then the call fails with "PERMISSION_DENIED"
      When the workflow starts
      And 30 ms pass
      Given the role "editor" grants ""
      When the workflow ends
      Then the workflow is rolled back
      And these compensations run in order:
        | Articles.withdraw |
        | Articles.withdraw |

    Scenario: A step that its user may not take rolls the run back
      Given the security context:
        | field | value  |
        | user  | ada    |
        | roles | author |
      When the workflow runs
      Then the workflow is rolled back
      And the error is "PERMISSION_DENIED" from "Articles.publish"
      And the outcome has:
        | path              | value |
        | /error/executions | 0     |
      And the calls are:
        | at    | call              | result |
        | 0 s   | Articles.write    | ok     |
        | 20 ms | Articles.withdraw | ok     |

    Scenario: Runs of two users at the same time stay apart
      When the workflow starts
      Given the security context:
        | field | value  |
        | user  | ada    |
        | roles | author |
      When the workflow starts
      And 1 s passes
      Then the timeline has, in order:
        | event          | run             | call             | user | code              | status      |
        | call_started   | release-1       | Articles.write   | bea  |                   |             |
        | call_started   | release-2       | Articles.write   | ada  |                   |             |
        | call_started   | release-1/press | Articles.publish | bea  |                   |             |
        | call_refused   | release-2/press | Articles.publish | ada  | PERMISSION_DENIED |             |
        | workflow_ended | release-2       |                  |      |                   | rolled_back |
        | workflow_ended | release-1       |                  |      |                   | completed   |

    Scenario Outline: After a crash it is the same, with <journal>
      Given <journal>
      And the orchestrator crashes during step "press"
      When the workflow runs
      Given the security context:
        | field | value  |
        | user  | ada    |
        | roles | author |
      When the orchestrator restarts
      Then the workflow completes
      And the timeline has, in order:
        | event                  | run             | call             | user | session | result |
        | orchestrator_restarted |                 |                  |      |         |        |
        | call_ended             | release-1       | Readers.notify   | bea  | s-7     | ok     |

      Examples:
        | journal    |
        | the seed 1 |

      @needs-sqlite
      Examples:
        | journal                       |
        | the journal is kept in a file |

    @needs-sqlite @wall-clock
    Scenario: A process that is killed leaves it to the one that goes on
      Given the journal is kept in a file
      When a process runs the workflow and is killed after step "draft"
      Given the security context:
        | field | value |
        | user  | ada   |
      When the orchestrator restarts
      Then the workflow completes
      And the timeline has, in order:
        | event                  | run             | call             | user | result |
        | call_ended             | release-1       | Articles.write   | bea  | ok     |
        | orchestrator_restarted |                 |                  |      |        |
        | call_ended             | release-1/press | Articles.publish | bea  | ok     |

  Rule: A service that knows its callers refuses the others

    Background:
      Given a service "Archive"
        """json
        {
          "callers": { "newsroom": "newsroom-pass", "library": "library-pass" },
          "operations": { "store": { "latency": "30ms" }, "find": { "permission": "archive.read" }, "discard": {} }
        }
        """

    Scenario: A caller with a known credential is served
      Given the security context:
        | field      | value         |
        | user       | ada           |
        | credential | library-pass  |
      When "Archive.store" is called
      Then the call succeeds
      And it takes 30 ms
      And no secret is visible

    Scenario: A caller with an unknown credential does not reach the service
      Given every call is retried up to 3 times
      And the security context:
        | field       | value        |
        | user        | ada          |
        | credential  | someone-else |
        | permissions | archive.read |
      When "Archive.find" is called
      Then the call fails with "UNAUTHENTICATED"
      And the failure has:
        | path       | value                                                                                          |
        | /message   | Archive does not know the caller: its credential is not that of "newsroom" or "library"     |
        | /mode      | policy_security                                                                                |
        | /retryable | false                                                                                          |
      And "Archive.find" is never executed
      And it takes 0 ms
      And no secret is visible
      And the timeline has, in order:
        | event        | call         | user | by            | code            |
        | call_refused | Archive.find | ada  | authorisation | UNAUTHENTICATED |

    Scenario: A caller without a credential does not reach the service
      When "Archive.store" is called
      Then the call fails with "UNAUTHENTICATED"
      And the failure has:
        | path     | value                                                                                                |
        | /message | Archive does not know the caller: it has no credential, such as that of "newsroom" or "library" |

    Scenario: A known caller still needs the permission
      Given the security context:
        | field      | value         |
        | user       | ada           |
        | credential | newsroom-pass |
      When "Archive.find" is called
      Then the call fails with "PERMISSION_DENIED"

    Scenario: A service does not undo anything for a caller that it does not know
      Given the workflow:
        """json
        {
          "id": "keep",
          "steps": [
            { "id": "read", "service": "Articles", "operation": "read", "compensation": "Archive.discard" },
            { "id": "store", "service": "Archive", "operation": "store" }
          ]
        }
        """
      When the workflow runs
      Then the workflow fails with "UNAUTHENTICATED"
      And the outcome has:
        | path                        | value           |
        | /compensations/0/error/code | UNAUTHENTICATED |

  Rule: Refusals and interactions are audited, and credentials are shown nowhere

    Scenario Outline: A refusal says who wanted what, in <file>
      Given the audit trail is kept in "<file>"
      And a service "Archive"
        """json
        { "callers": { "newsroom": "newsroom-pass" } }
        """
      And the security context:
        | field       | value          |
        | user        | ada            |
        | permissions | articles.write |
        | session     | s-1            |
        | credential  | someone-else   |
      When "Articles.write" is called
      And "Articles.publish" is called
      And "Archive.store" is called
      Then the audit trail has 2 entries of type "refusal"
      And the audit trail of "scenario" has, in order:
        | type        | target           | reason                                      | /metadata/user | /metadata/session | /metadata/by  | /metadata/code    | /metadata/permission |
        | interaction | Articles.write   | called by scenario                          | ada            | s-1               |               |                   |                      |
        | refusal     | Articles.publish | ada lacks the permission articles.publish   | ada            | s-1               | authorisation | PERMISSION_DENIED | articles.publish     |
        | refusal     | Archive.store    | the caller is not known to Archive          | ada            | s-1               | authorisation | UNAUTHENTICATED   |                      |
      And no secret is visible

      @needs-sqlite
      Examples: SQLite
        | file     |
        | audit.db |

      Examples: JSON lines
        | file        |
        | audit.jsonl |

    Scenario: The credential of a run is in none of its events, nor in its outcome
      Given the workflow:
        """json
        {
          "id": "release",
          "steps": [
            { "id": "draft", "service": "Articles", "operation": "write" },
            { "id": "press", "service": "Articles", "operation": "publish" }
          ]
        }
        """
      And the audit trail is kept in "audit.jsonl"
      And the security context:
        | field      | value         |
        | user       | ada           |
        | roles      | author        |
        | credential | newsroom-pass |
      When the workflow runs
      Then the workflow is rolled back
      And no secret is visible
      And the outcome matches the snapshot

  Rule: It travels wherever calls come from

    Scenario: A run that began for nobody goes on for nobody
      Given the workflow:
        """json
        {
          "id": "note",
          "steps": [
            { "id": "find", "service": "Articles", "operation": "read" },
            { "id": "press", "workflow": { "id": "press", "steps": [{ "id": "publish", "service": "Articles", "operation": "publish" }] } }
          ]
        }
        """
      When the workflow starts
      Given the security context:
        | field | value  |
        | user  | bea    |
        | roles | editor |
      When the workflow ends
      Then the error is "PERMISSION_DENIED" from "Articles.publish"
      And the outcome has:
        | path           | value                                                                    |
        | /error/message | the permission "articles.publish" is needed, and the call is for no user |

    @needs-messaging
    Scenario: The handler of an event is called for the user
      Given "Articles.publish" handles "DraftApproved"
      And "Articles.write" handles "DraftApproved"
      And the security context:
        | field | value  |
        | user  | ada    |
        | roles | author |
      When the event "DraftApproved" is published
      Then the timeline has, in order:
        | event        | call             | user | code              | result |
        | call_refused | Articles.publish | ada  | PERMISSION_DENIED |        |
        | call_ended   | Articles.write   | ada  |                   | ok     |

    @needs-messaging
    Scenario: A request that was submitted is processed for its user, and so are its callbacks
      Given "Readers.notify" receives the callbacks
      And the security context:
        | field | value  |
        | user  | bea    |
        | roles | editor |
      When a request to "Articles.publish" is submitted
      Given the security context:
        | field | value |
        | user  | ada   |
      When 1 s passes
      Then the timeline has, in order:
        | event        | caller   | call             | user | result |
        | call_ended   | Articles | Readers.notify   | bea  | ok     |
        | call_ended   | scenario | Articles.publish | bea  | ok     |
        | call_ended   | Articles | Readers.notify   | bea  | ok     |

    @needs-control
    Scenario: Goals of two users at the same time are pursued for each
      Given 2 workers
      And the plan:
        | call             | input |
        | Articles.publish | {}    |
      And the security context:
        | field | value  |
        | user  | eve    |
        | roles | editor |
      When these goals are pursued at once:
        | goal    | user | session | roles  | permissions                       |
        | Publish | ada  | s-1     | author |                                   |
        | Publish | bea  | s-2     |        | articles.publish, articles.write  |
        | Publish |      |         |        |                                   |
      Then the outcomes of the goals have:
        | path          | value             |
        | /0/error/code | PERMISSION_DENIED |
        | /1/stage      | complete          |
        | /2/stage      | complete          |
      And the timeline has, in order:
        | event        | run    | user | session | code              | result |
        | call_refused | plan-1 | ada  | s-1     | PERMISSION_DENIED |        |
        | call_ended   | plan-2 | bea  | s-2     |                   | ok     |
        | call_ended   | plan-3 | eve  |         |                   | ok     |

    @needs-control
    Scenario: After a crash a goal goes on for its user
      Given 1 worker
      And the plan:
        | call             | input |
        | Articles.read    | {}    |
        | Articles.publish | {}    |
      And the orchestrator crashes after step "step_1_read"
      When the goal is pursued:
        """json
        { "goal": "Publish", "user": "bea", "roles": ["editor"] }
        """
      And the orchestrator restarts
      Then the goal completes
      And the timeline has, in order:
        | event                  | call             | user | result |
        | orchestrator_restarted |                  |      |        |
        | call_ended             | Articles.publish | bea  | ok     |

    @wall-clock @needs-http
    Scenario Outline: Over HTTP a credential is a bearer token: <credential>
      Given a service "Archive"
        """json
        {
          "callers": { "newsroom": "newsroom-pass" },
          "operations": { "find": { "permission": "archive.read" }, "store": {} }
        }
        """
      And the services are served over HTTP
      And the security context:
        | field       | value        |
        | user        | ada          |
        | permissions | archive.read |
        | credential  | <credential> |
      When "Archive.find" is called over HTTP
      Then the timeline has, in order:
        | event   | call         | user | result   | code   |
        | <event> | Archive.find | ada  | <result> | <code> |
      And no secret is visible

      Examples:
        | credential    | event        | result | code            |
        | newsroom-pass | call_ended   | ok     |                 |
        | someone-else  | call_refused |        | UNAUTHENTICATED |

    @wall-clock @needs-http @needs-curl
    Scenario Outline: A program that sends <what> is answered with <status>
      Given a service "Archive"
        """json
        {
          "callers": { "newsroom": "newsroom-pass", "library": "library-pass" },
          "operations": { "find": { "permission": "archive.read" }, "store": {} }
        }
        """
      And the services are served over HTTP
      And the security context:
        | field       | value         |
        | user        | ada           |
        | permissions | archive.read  |
        | credential  | newsroom-pass |
      And the system "client"
        """json
        {
          "command": [
            "curl", "-sS", "-w", " %{http_code}", "-XPOST", "-H", "<header>", "${/services/Archive}/<operation>"
          ],
          "once": true, "within": "60s"
        }
        """
      When the system "client" starts
      Then the output of "client" contains " <status>"
      And the timeline has, in order:
        | event   | caller | call                | user   | code   |
        | <event> | client | Archive.<operation> | <user> | <code> |

      Examples:
        | what                        | header                              | operation | status | event        | user   | code              |
        | the scenario's credential   | Authorization: Bearer newsroom-pass | find      | 200    | call_started | ada    |                   |
        | another that is known       | Authorization: bearer library-pass  | store     | 200    | call_started | client |                   |
        | one without the permission  | Authorization: Bearer library-pass  | find      | 403    | call_refused | client | PERMISSION_DENIED |
        | one that is not known       | Authorization: Bearer nobody        | store     | 401    | call_refused | client | UNAUTHENTICATED   |
        | none                        | X-Trace: 1                          | store     | 401    | call_refused |        | UNAUTHENTICATED   |

  Rule: What is not valid is refused with its place

    @needs-control
    Scenario Outline: A goal with <what> is refused
      Given 1 worker
      When the goal is pursued:
        """json
        <goal>
        """
      Then the goal is refused, which says "<message>"
      And "Articles.read" is never executed

      Examples:
        | what                       | goal                                                             | message                                                          |
        | roles, but without a user  | { "goal": "Read", "roles": ["editor"] }                          | at /user: a security context needs a        |
        | a session, but without a user | { "goal": "Read", "session": "s-1" }                          | at /user: a security context needs a        |
        | an unknown role            | { "goal": "Read", "user": "ada", "roles": ["author", "editer"] } | at /roles/1: the role                         |
        | a permission without a name | { "goal": "Read", "user": "ada", "permissions": ["a", ""] }     | at /permissions/1:                            |
        | a blank credential         | { "goal": "Read", "user": "ada", "credential": " " }             | at /credential: a credential has no text      |

    Scenario: All that is wrong with what services say of their callers is listed
      When the services are loaded:
        """json
        {
          "roles": { "author": ["articles.write", " "], "editor": ["a,b"] },
          "services": [
            { "name": "A", "operations": { "read": { "permission": "x " } } },
            { "name": "B", "callers": { "library": "same", "newsroom": "same" } },
            { "name": "C", "callers": { "": "pass" } }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                              | message                                 |
        | /services/0/operations/read/permission | "x " is not a valid name              |
        | /services/1/callers/newsroom         | it has the credential of "library"    |
        | /services/2/callers/                 | a caller needs a name and a credential  |
        | /roles/author/1                      | " " is not a valid name                 |
        | /roles/editor/0                      | "a,b" is not a valid name               |

    @needs-json-schema
    Scenario: A field that services do not have is named with the nearest
      When the services are loaded:
        """json
        {
          "services": [
            { "name": "A", "caller": { "newsroom": "pass" } },
            { "name": "B", "operations": { "read": { "permision": "articles.read" } } }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                 | message                     |
        | /services/0/caller                      | did you mean "callers"?     |
        | /services/1/operations/read/permision   | did you mean "permission"?  |
