Feature: Budget
  A budget limits what calls may use together: money, calls, tokens and time. What a call will probably
  use is reserved before it and settled after it. A ceiling that is reached exactly is kept. A budget
  warns once when 80 % of a ceiling are used; above it, it blocks further calls or only says so.

  Rule: A budget that blocks refuses the call that would exceed a ceiling

    @control-7
    Scenario Outline: The ceiling <ceiling> is reached exactly, and the next call is refused
      Given a service "Search"
        """json
        { "operations": { "find": { "cost": 0.5, "tokens": 20, "latency": "1s" } } }
        """
      And a budget:
        | field     | value   |
        | policy    | block   |
        | <ceiling> | <limit> |
      When "Search.find" is called 4 times
      Then 3 calls succeed
      And "Search.find" is executed 3 times
      And the failure has:
        | path        | value                                                   |
        | /code       | BUDGET_EXHAUSTED                                        |
        | /message    | the budget of all calls does not suffice for <shortage> |
        | /mode       | policy_budget                                           |
        | /retryable  | false                                                   |
        | /executions | 0                                                       |
      And the timeline has, in order:
        | at  | event        | call        | by     | code             |
        | 3 s | call_refused | Search.find | budget | BUDGET_EXHAUSTED |

      Examples:
        | ceiling           | limit | shortage                                                    |
        | cost              | 1.5   | cost: 0.5 needed, 0 of 1.5 available                        |
        | calls             | 3     | calls: 1 needed, 0 of 3 available                           |
        | tokens            | 60    | tokens: 20 needed, 0 of 60 available                        |
        | time              | 2 s   | time: 3 s have passed, of 2 s                               |
        | callsPerService   | 3     | callsPerService of Search: 1 needed, 0 of 3 available       |
        | callsPerOperation | 3     | callsPerOperation of Search.find: 1 needed, 0 of 3 available |

    @control-7
    Scenario: Ten calls of 0.1 fit a ceiling of 1
      Given a service "Search"
      And a budget:
        | field  | value |
        | policy | block |
        | cost   | 1     |
      When "Search.find" is called 11 times
      Then 10 calls succeed
      And 1 call fails with "BUDGET_EXHAUSTED"
      And the budget has:
        | path            | value |
        | /cost/used      | 1     |
        | /cost/remaining | 0     |
        | /tokens/used    | 100   |

    @control-7
    Scenario: A call that starts in time and ends late exceeds the time
      Given a service "Search"
      And "Search.find" takes 3 s
      And a budget:
        | field  | value |
        | policy | block |
        | time   | 5 s   |
      When "Search.find" is called 3 times
      Then 2 calls succeed
      And the timeline has, in order:
        | at  | event           | ceiling | used | limit | by     |
        | 6 s | budget_warning  | time    | 6 s  | 5 s   |        |
        | 6 s | budget_exceeded | time    | 6 s  | 5 s   |        |
        | 6 s | call_refused    |         |      |       | budget |

    @control-7
    Scenario: Every ceiling that a call would exceed is named
      Given a service "Search"
        """json
        { "operations": { "find": { "cost": 2, "tokens": 500 } } }
        """
      And a budget:
        | field  | value |
        | policy | block |
        | cost   | 1.25  |
        | tokens | 499   |
      When "Search.find" is called
      Then the call fails with "BUDGET_EXHAUSTED"
      And the failure has:
        | path     | value |
        | /message | the budget of all calls does not suffice for cost: 2 needed, 1.25 of 1.25 available; tokens: 500 needed, 499 of 499 available |

    @control-7
    Scenario: Services and operations have ceilings of their own
      Given a service "Search"
      And a service "Mail"
      And a budget:
        | field             | value |
        | policy            | block |
        | callsPerService   | 3     |
        | callsPerOperation | 2     |
      When these calls are made at once:
        | call         | times |
        | Search.find  | 3     |
        | Search.index | 2     |
        | Mail.send    | 2     |
      Then 5 calls succeed
      And 2 calls fail with "BUDGET_EXHAUSTED"
      And "Search.find" is executed 2 times
      And "Search.index" is executed 1 time
      And "Mail.send" is executed 2 times
      And the budget has:
        | path                                     | value |
        | /calls/used                              | 5     |
        | /callsPerService/Search/remaining        | 0     |
        | /callsPerService/Mail/remaining          | 1     |
        | /callsPerOperation/Search.index/used     | 1     |

    @control-7
    Scenario: Without other ceilings a budget allows a cost of 100, 50 calls and 100,000 tokens, and only warns
      Given a service "Search"
      And a budget:
        | field  | value |
        | policy | warn  |
      When "Search.find" is called
      Then the budget has:
        | path                           | value  |
        | /cost/limit                    | 100    |
        | /calls/limit                   | 50     |
        | /tokens/limit                  | 100000 |
        | /time/limit                    |        |
        | /callsPerService/Search/limit  |        |
        | /cost/used                     | 0.1    |
        | /calls/used                    | 1      |
        | /tokens/used                   | 10     |

    @control-7
    Scenario: A ceiling of none does not limit
      Given a service "Search"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | none  |
      When "Search.find" is called 60 times
      Then 60 calls succeed

    @control-7
    Scenario: Without a budget nothing is refused
      Given a service "Search"
      When "Search.find" is called 60 times
      Then 60 calls succeed

  Rule: A budget warns once at 80 %

    @control-7
    Scenario Outline: 80 % of the ceiling <ceiling> give one warning
      Given a service "Search"
        """json
        { "operations": { "find": { "cost": 0.1, "tokens": 20, "latency": "1s" } } }
        """
      And a budget:
        | field     | value   |
        | policy    | block   |
        | <ceiling> | <limit> |
      When "Search.find" is called 5 times
      Then 5 calls succeed
      And the timeline has, in order:
        | at   | event          | scope     | ceiling   | used   | limit   | service   | call        |
        | <at> | budget_warning | all calls | <ceiling> | <used> | <limit> | <service> | <operation> |
      And the timeline has none of:
        | event          | used    |
        | budget_warning | <after> |
      And the timeline has none of:
        | event           |
        | budget_exceeded |

      Examples:
        | ceiling           | limit | at  | used | after | service | operation   |
        | cost              | 0.5   | 3 s | 0.4  | 0.5   |         |             |
        | calls             | 5     | 3 s | 4    | 5     |         |             |
        | tokens            | 100   | 3 s | 80   | 100   |         |             |
        | time              | 5 s   | 4 s | 4 s  | 5 s   |         |             |
        | callsPerService   | 5     | 3 s | 4    | 5     | Search  |             |
        | callsPerOperation | 5     | 3 s | 4    | 5     |         | Search.find |

    @control-7
    Scenario: The share that warns can be chosen
      Given a service "Search"
      And a budget:
        | field  | value |
        | calls  | 100   |
        | warnAt | 0.55  |
      When "Search.find" is called 54 times
      Then the timeline has none of:
        | event          |
        | budget_warning |
      When "Search.find" is called
      Then the timeline has, in order:
        | event          | ceiling | used | limit |
        | budget_warning | calls   | 55   | 100   |

    @control-7
    Scenario: A budget that only warns says once that a ceiling is exceeded, and goes on
      Given a service "Search"
      And a budget:
        | field  | value |
        | policy | warn  |
        | calls  | 3     |
      When "Search.find" is called 6 times
      Then 6 calls succeed
      And the timeline has, in order:
        | event           | scope     | ceiling | used | limit |
        | budget_warning  | all calls | calls   | 3    | 3     |
        | budget_exceeded | all calls | calls   | 4    | 3     |
      And the timeline has none of:
        | event           | used |
        | budget_warning  | 4    |
        | budget_exceeded | 5    |
        | budget_exceeded | 6    |
      And the budget has:
        | path             | value |
        | /calls/used      | 6     |
        | /calls/remaining | 0     |

  Rule: What a call has really used replaces the estimate

    @control-7
    Scenario: The usage in a reply counts instead of the estimate
      Given a service "Writer"
        """json
        {
          "operations": {
            "draft": { "cost": 0.5, "tokens": 100, "reply": { "text": "-", "usage": { "cost": 0.07, "tokens": 12 } } }
          }
        }
        """
      And a budget:
        | field  | value |
        | policy | block |
        | cost   | 1     |
      When "Writer.draft" is called 8 times
      Then 8 calls succeed
      And the budget has:
        | path            | value |
        | /cost/used      | 0.56  |
        | /cost/remaining | 0.44  |
        | /tokens/used    | 96    |
      When "Writer.draft" is called
      Then the call fails with "BUDGET_EXHAUSTED"

    @control-7
    Scenario: A usage that says nothing of the tokens keeps their estimate
      Given a service "Writer"
      And "Writer.draft" replies:
        """json
        { "usage": { "cost": 3, "tokens": null, "model": "small" } }
        """
      And a budget:
        | field | value |
        | cost  | 10    |
      When "Writer.draft" is called
      Then the budget has:
        | path         | value |
        | /cost/used   | 3     |
        | /tokens/used | 10    |

    @control-7
    Scenario: A reply that uses more than is left exceeds the budget, and the next call is refused
      Given a service "Writer"
      And "Writer.draft" replies:
        """json
        { "usage": { "cost": 2.5 } }
        """
      And a budget:
        | field  | value |
        | policy | block |
        | cost   | 2     |
      When "Writer.draft" is called 2 times
      Then 1 call succeeds
      And the timeline has, in order:
        | event           | ceiling | used | limit | result | by     |
        | call_ended      |         |      |       | ok     |        |
        | budget_warning  | cost    | 2.5  | 2     |        |        |
        | budget_exceeded | cost    | 2.5  | 2     |        |        |
        | call_refused    |         |      |       |        | budget |

    @control-7
    Scenario Outline: A usage with a faulty <field> is warned of, and the estimate counts
      Given a service "Writer"
      And "Writer.draft" replies:
        """json
        { "usage": { "cost": <cost>, "tokens": <tokens> } }
        """
      And a budget:
        | field | value |
        | cost  | 10    |
      When "Writer.draft" is called
      Then the call succeeds
      And the budget has:
        | path         | value |
        | /cost/used   | 0.1   |
        | /tokens/used | 10    |
      And the timeline has, in order:
        | event   | about        | message                                                                     |
        | warning | Writer.draft | the usage in its reply does not count: at <field>: expected <expected>, found <found> |

      Examples:
        | field         | cost   | tokens | found  | expected                                |
        | /usage/cost   | -1     | 5      | -1     | a cost of 0 to 1000000000, such as 0.25 |
        | /usage/cost   | "free" | 5      | "free" | a cost of 0 to 1000000000, such as 0.25 |
        | /usage/tokens | 1      | 2.5    | 2.5    | a whole number, 0 or more               |

  Rule: Every execution counts, and nothing else

    @control-7
    Scenario: Retries count as calls
      Given a service "Search"
      And every call is retried up to 5 times
      And "Search.find" fails 3 times with "TRANSIENT_ERROR"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 3     |
      When "Search.find" is called
      Then the call fails with "BUDGET_EXHAUSTED"
      And "Search.find" is executed 3 times
      And the failure has:
        | path           | value                                   |
        | /executions    | 3                                       |
        | /causes/2/code | TRANSIENT_ERROR                         |
        | /notRetried    | BUDGET_EXHAUSTED is not a retryable code |
      And the timeline has, in order:
        | at     | event           | used | by     |
        | 300 ms | budget_warning  | 3    |        |
        | 700 ms | call_refused    |      | budget |
      And it takes 700 ms

    @control-7
    Scenario: A call that a breaker refuses gives its reservation back
      Given a service "Search"
      And a circuit breaker on "Search" opening after 2 failures for 1 min
      And "Search.find" fails 2 times with "CONNECTION_RESET"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 5     |
      When "Search.find" is called 20 times
      Then 18 calls fail with "SERVICE_UNAVAILABLE"
      And the budget has:
        | path                             | value |
        | /calls/used                      | 2     |
        | /calls/remaining                 | 3     |
        | /callsPerOperation/Search.find/used | 2  |
      And the timeline has none of:
        | event          |
        | budget_warning |
      When 1 min passes
      And "Search.find" is called 4 times
      Then 3 calls succeed
      And 1 call fails with "BUDGET_EXHAUSTED"

    @control-7
    Scenario: A call that finds the bulkhead full gives its reservation back
      Given a service "Search"
      And "Search.find" takes 100 ms
      And a bulkhead of 1 call on "Search" with a queue of 0
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 3     |
      When "Search.find" is called 3 times at once
      Then 2 calls fail with "BULKHEAD_FULL"
      When "Search.find" is called 3 times
      Then 2 calls succeed
      And 1 call fails with "BUDGET_EXHAUSTED"

    @control-7
    Scenario: Of two concurrent calls one takes the last place
      Given a service "Search"
      And "Search.find" takes 1 s
      And a budget:
        | field  | value |
        | policy | block |
        | cost   | 0.35  |
      When "Search.find" is called 5 times at once
      Then 3 calls succeed
      And 2 calls fail with "BUDGET_EXHAUSTED"
      And "Search.find" is executed 3 times
      And the budget has:
        | path            | value |
        | /cost/used      | 0.3   |
        | /cost/remaining | 0.05  |

    @control-7
    Scenario: A call that waits for its turn holds what it has reserved
      Given a service "Search"
      And "Search.find" takes 1 s
      And a bulkhead of 1 call on "Search"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 4     |
      When "Search.find" is called 6 times at once
      Then 4 calls succeed
      And 2 calls fail with "BUDGET_EXHAUSTED"
      And the timeline has, in order:
        | at   | event          | by     | used |
        | 0 ms | call_refused   | budget |      |
        | 0 ms | call_refused   | budget |      |
        | 3 s  | budget_warning |        | 4    |

    @control-7
    Scenario: An execution that times out has used its estimate
      Given a service "Search"
      And "Search.find" hangs
      And "Search.find" times out after 1 s
      And a budget:
        | field | value |
        | calls | 10    |
      When "Search.find" is called
      Then the call fails with "TIMEOUT"
      And the budget has:
        | path         | value |
        | /calls/used  | 1     |
        | /cost/used   | 0.1   |

    @control-7
    Scenario: A probe that the budget refuses leaves the health unknown
      Given a service "Search"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 1     |
      When the health of "Search" is checked
      Then "Search" is healthy
      When the health of "Search" is checked
      Then "Search" is of unknown health

    @control-7
    Scenario: A budget that is declared again begins again
      Given a service "Search"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 1     |
        | time   | 1 min |
      When "Search.find" is called 2 times
      Then 1 call fails with "BUDGET_EXHAUSTED"
      When 2 min pass
      Given a budget:
        | field  | value |
        | policy | block |
        | calls  | 1     |
        | time   | 1 min |
      When "Search.find" is called
      Then the call succeeds

  Rule: A workflow that the budget blocks is undone all the way

    Background:
      Given a service "Flights"
      And a service "Hotels"
      And a service "Cars"
      And the workflow:
        """json
        {
          "id": "trip",
          "steps": [
            { "id": "flight", "service": "Flights", "operation": "book", "compensation": "cancel" },
            { "id": "hotel", "service": "Hotels", "operation": "book", "compensation": "cancel" },
            { "id": "car", "service": "Cars", "operation": "rent", "retry": "worker" }
          ]
        }
        """

    @control-7
    Scenario: Compensations are exempt, their retries too
      Given a budget:
        | field  | value |
        | policy | block |
        | calls  | 2     |
      And "Hotels.cancel" fails 2 times with "CONNECTION_RESET"
      When the workflow runs
      Then the workflow is rolled back
      And the error is "BUDGET_EXHAUSTED" from "Cars.rent"
      And "Cars.rent" is never executed
      And these compensations run in order:
        | Hotels.cancel  |
        | Flights.cancel |
      And the budget has:
        | path        | value |
        | /calls/used | 2     |
      And the outcome has:
        | path              | value            |
        | /error/code       | BUDGET_EXHAUSTED |
        | /error/mode       | policy_budget    |
        | /error/retryable  | false            |
        | /error/executions | 0                |
      And the timeline has none of:
        | event           | call      |
        | retry_scheduled | Cars.rent |

    @control-7
    Scenario: A restart of the orchestrator keeps what was spent
      Given a budget:
        | field  | value |
        | policy | block |
        | calls  | 2     |
      And the orchestrator crashes after step "hotel"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And the error is "BUDGET_EXHAUSTED" from "Cars.rent"
      And the budget has:
        | path             | value |
        | /calls/used      | 2     |
        | /calls/remaining | 0     |

    @control-7
    Scenario: An execution that a crash cuts off has been paid for
      Given a budget:
        | field  | value |
        | policy | block |
        | calls  | 3     |
      And the orchestrator crashes after the service acts in step "hotel"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And "Hotels.book" is executed 2 times
      And the error is "BUDGET_EXHAUSTED" from "Cars.rent"
      And the timeline has, in order:
        | event          | used | limit |
        | budget_warning | 3    | 3     |

    @control-7
    Scenario: A partial result that the budget stopped is resumed with a new one
      Given a budget:
        | field  | value |
        | policy | block |
        | calls  | 2     |
      And the workflow keeps on failure
      When the workflow runs
      Then the workflow is interrupted
      And the error is "BUDGET_EXHAUSTED" from "Cars.rent"
      Given a budget:
        | field  | value |
        | policy | block |
        | calls  | 2     |
      When the workflow resumes
      Then the workflow completes
      And "Flights.book" is executed 1 time
      And the budget has:
        | path        | value |
        | /calls/used | 1     |

    @control-7
    Scenario: A budget that only warns lets the workflow complete
      Given a budget:
        | field | value |
        | calls | 2     |
      When the workflow runs
      Then the workflow completes
      And the timeline has, in order:
        | event           | used | limit |
        | budget_warning  | 2    | 2     |
        | budget_exceeded | 3    | 2     |

  Rule: The services behind events and commands are not counted

    @control-7 @needs-messaging
    Scenario: The handler of an event counts, outbox and bus do not
      Given a service "Mail"
      And "Mail.send" handles "Ordered"
      And a budget:
        | field  | value |
        | policy | block |
        | calls  | 2     |
      When the event "Ordered" of "o-1" is published
      And the event "Ordered" of "o-2" is published
      And the event "Ordered" of "o-3" is published
      And every event is handled
      Then "Mail.send" is executed 2 times
      And the budget has:
        | path        | value |
        | /calls/used | 2     |
      And the dead letters are:
        | subject | code             | retries |
        | o-3     | BUDGET_EXHAUSTED | 0       |
