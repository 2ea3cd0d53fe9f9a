Feature: Steps that wait for a person's approval
  A step can wait until a person approves what comes after it. The first answer counts, from whoever may
  give it; a denial stops the workflow, and so does a time-out.

  Background:
    Given a service "Payments"
    And the workflow:
      """json
      {
        "id": "payout",
        "onFailure": "keep",
        "steps": [
          { "id": "reserve", "service": "Payments", "operation": "reserve" },
          {
            "id": "release",
            "approval": { "for": "paying out 5,000 euros", "risk": "high", "approvers": ["ana", "ben"], "timeout": "1h" }
          },
          { "id": "pay", "service": "Payments", "operation": "pay", "input": { "by": "${/release/approver}" } }
        ]
      }
      """

  @orchestration-22 @control-6
  Scenario: A step after an approval runs once it is approved
    When the workflow starts
    And 20 min pass
    Then the state of the workflow has:
      | path             | value            |
      | /waits/0/step    | release          |
      | /waits/0/type    | approval         |
      | /waits/0/subject | payout-1/release |
      | /waits/0/until   | 1 h              |
    And "Payments.pay" is never executed
    When "ana" approves step "release" because "the invoice matches"
    Then the workflow completes
    And "Payments.pay" received:
      """json
      { "by": "ana" }
      """
    And the outcome has:
      | path                  | value               |
      | /data/release/status  | approved            |
      | /data/release/reason  | the invoice matches |
    And the timeline has, in order:
      | at     | event              | request          | operation              | risk | until | status   | approver | reason              | step    | took   | result |
      | 0 ms   | wait_started       |                  |                        |      | 1 h   |          |          |                     | release |        |        |
      | 0 ms   | approval_requested | payout-1/release | paying out 5,000 euros | high | 1 h   |          |          |                     |         |        |        |
      | 20 min | approval_ended     | payout-1/release |                        |      |       | approved | ana      | the invoice matches |         |        |        |
      | 20 min | wait_ended         |                  |                        |      |       |          |          |                     | release | 20 min | ok     |

  @orchestration-22 @control-6
  Scenario: A denial stops the workflow, and completed steps are kept
    When the workflow starts
    And "ben" denies step "release" because "the invoice is a copy"
    Then the workflow is interrupted
    And "Payments.pay" is never executed
    And no compensation runs
    And the outcome has:
      | path             | value                                                        |
      | /error/code      | APPROVAL_DENIED                                              |
      | /error/message   | ben denied "paying out 5,000 euros": the invoice is a copy |
      | /error/mode      | user_cancelled                                               |
      | /steps/0/status  | completed                                                    |

  @orchestration-22 @control-6
  Scenario: An approval that nobody answers times out
    When the workflow runs
    Then the workflow is interrupted
    And it takes 1 h
    And the outcome has:
      | path           | value                                                  |
      | /error/code    | APPROVAL_TIMEOUT                                       |
      | /error/message | nobody answered "paying out 5,000 euros" within 1 h |
    And the timeline has, in order:
      | at  | event          | status    | approver |
      | 1 h | approval_ended | timed_out | system   |

  @orchestration-22 @control-6
  Scenario: An approval times out after five minutes by default
    Given the workflow:
      """json
      { "id": "brief", "onFailure": "keep", "steps": [{ "id": "release", "approval": { "for": "paying" } }] }
      """
    When the workflow runs
    Then it takes 5 min
    And the workflow is interrupted

  @orchestration-22 @control-6
  Scenario: A time-out can count as approval
    Given the workflow:
      """json
      {
        "id": "newsletter",
        "steps": [
          { "id": "release", "approval": { "for": "sending", "timeout": "1s", "approveOnTimeout": true } },
          { "id": "send", "service": "Payments", "operation": "send" }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And it takes 1 s
    And the outcome has:
      | path                   | value                                    |
      | /data/release/approver | system                                   |
      | /data/release/reason   | nobody answered "sending" within 1 s |

  @orchestration-22 @control-6
  Scenario: Disabled approvals are given by the system at once
    Given approvals are disabled
    When the workflow runs
    Then the workflow completes
    And it takes 0 ms
    And the outcome has:
      | path                   | value                                   |
      | /data/release/approver | system                                  |
      | /data/release/reason   | approvals are disabled in this scenario |

  @orchestration-22 @control-6
  Scenario: An answer counts even before the step waits for it
    Given "Payments.reserve" takes 10 s
    When the workflow starts
    And 1 s passes
    And "ana" approves step "release" because "the invoice matches"
    And the workflow ends
    Then the workflow completes
    And it takes 9 s

  @orchestration-22 @control-6
  Scenario: A cancellation withdraws the request
    When the workflow starts
    And 1 min passes
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And "Payments.pay" is never executed
    And the timeline has, in order:
      | at    | event          | status    | approver |
      | 1 min | approval_ended | cancelled | system   |
    When "ana" cannot approve step "release" because "too late"
    Then the timeline has, in order:
      | event            | reason                                                   |
      | approval_refused | it is cancelled already, by system: the first answer counts |

  @orchestration-22 @control-6
  Scenario: A deadline withdraws the request
    Given the workflow must finish within 10 min
    When the workflow runs
    Then the workflow is interrupted
    And it takes 10 min
    And the timeline has, in order:
      | at     | event          | status    | approver |
      | 10 min | approval_ended | cancelled | system   |

  @orchestration-22 @control-6
  Scenario Outline: The first of two answers counts
    When the workflow starts
    And "ana" <first> step "release" because "I looked at it"
    And "ben" cannot <second> step "release" because "I looked, too"
    Then the workflow <ends>
    And the timeline has, in order:
      | event            | status | approver | reason                                                   |
      | approval_ended   | <kept> | ana      | I looked at it                                           |
      | approval_refused |        | ben      | it is <kept> already, by ana: the first answer counts |

    Examples:
      | first    | second  | ends           | kept     |
      | approves | deny    | completes      | approved |
      | denies   | approve | is interrupted | denied   |
      | approves | approve | completes      | approved |

  @orchestration-22 @control-6
  Scenario: Only the named approvers can answer
    When the workflow starts
    And "eve" cannot approve step "release" because "I want it"
    Then the state of the workflow has:
      | path    | value   |
      | /status | running |
    And the timeline has, in order:
      | event            | approver | reason                                                   |
      | approval_refused | eve      | "eve" may not answer it: only "ana" or "ben" may |
    When "ana" approves step "release" because "the invoice matches"
    Then the workflow completes

  @orchestration-22 @control-6
  Scenario: An answer without the required reason does not count
    When the workflow starts
    And "ana" cannot approve step "release"
    And "ana" cannot deny step "release" because " "
    Then the timeline has, in order:
      | event            | approver | reason                   |
      | approval_refused | ana      | an answer needs a reason |
      | approval_refused | ana      | an answer needs a reason |
    When "ana" approves step "release" because "the invoice matches"
    Then the workflow completes

  @orchestration-22 @control-6
  Scenario: Without named approvers anyone may answer, and a reason may be optional
    Given the workflow:
      """json
      { "id": "open", "steps": [{ "id": "release", "approval": { "for": "paying", "requireReason": false } }] }
      """
    When the workflow starts
    And "eve" approves step "release"
    Then the workflow completes

  @orchestration-22 @control-6
  Scenario: A resumed workflow asks anew
    When the workflow starts
    And "ben" denies step "release" because "the invoice is a copy"
    And the workflow resumes
    Then the workflow is interrupted
    And it takes 1 h
    And "Payments.reserve" is executed 1 time
    And the timeline has, in order:
      | event              | request            | status    |
      | approval_requested | payout-1/release   |           |
      | approval_ended     | payout-1/release   | denied    |
      | approval_requested | payout-1/release~2 |           |
      | approval_ended     | payout-1/release~2 | timed_out |

  @orchestration-22 @control-6
  Scenario: A sequential retry does not ask again for a denied approval
    Given the workflow:
      """json
      {
        "id": "beside",
        "onParallelFailure": "sequential",
        "steps": [
          { "id": "release", "approval": { "for": "paying" }, "dependencies": [] },
          { "id": "prepare", "service": "Payments", "operation": "prepare", "dependencies": [] }
        ]
      }
      """
    And "Payments.prepare" takes 10 s
    When the workflow starts
    And "ana" denies step "release" because "the invoice is a copy"
    And the workflow ends
    Then the workflow is rolled back
    And the timeline has none of:
      | event              | request            |
      | approval_requested | beside-1/release~2 |

  @orchestration-22 @control-6 @needs-messaging
  Scenario: A published event cannot pose as an answer
    When the workflow starts
    And the event "approval" of "payout-1/release" is published with:
      """json
      { "status": "approved", "approver": "ana", "reason": "I say so" }
      """
    Then the state of the workflow has:
      | path    | value   |
      | /status | running |

  Rule: A crash loses neither a request nor an answer

    @orchestration-22 @control-6 @orchestration-13
    Scenario: A request outlives the process, and still ends when it was due
      Given the audit trail is kept in "audit.jsonl"
      When the workflow starts
      And 30 min pass
      And the orchestrator crashes
      And 10 min pass
      And the orchestrator restarts
      And the workflow ends
      Then the workflow is interrupted
      And it takes 20 min
      And the outcome has:
        | path        | value            |
        | /error/code | APPROVAL_TIMEOUT |
      And the audit trail has 2 entries of type "approval"

    @orchestration-22 @control-6 @orchestration-13
    Scenario Outline: An answer that came while no process was there counts after the restart
      When the workflow starts
      And 30 min pass
      And the orchestrator crashes
      And "ana" <answers> step "release" because "I looked at it"
      And the orchestrator restarts
      Then the workflow <ends>
      And it takes 0 ms
      And "Payments.reserve" is executed 1 time

      Examples:
        | answers  | ends           |
        | approves | completes      |
        | denies   | is interrupted |

    @orchestration-22 @control-6 @orchestration-13
    Scenario Outline: A crash <point> the step that waits asks only once
      Given the orchestrator crashes <point> step "release"
      When the workflow starts
      And "ana" approves step "release" because "I looked at it"
      And the orchestrator restarts
      Then the workflow completes
      And "Payments.pay" is executed 1 time
      And the timeline has none of:
        | event            |
        | approval_refused |

      Examples:
        | point  |
        | before |
        | during |
        | after  |

  Rule: Invalid definitions are refused

    @control-6
    Scenario Outline: <field> is refused
      Given the workflow:
        """json
        { "id": "odd", "steps": [{ "id": "release", <fields> }] }
        """
      When the workflow runs
      Then the workflow is refused with "INVALID_WORKFLOW"
      And the refusal names "<pointer>" and says "<message>"

      Examples:
        | field                          | fields                                                               | pointer                     | message                                                                     |
        | An approval of nothing         | "approval": { "for": " " }                                           | /steps/0/approval/for       | waits for an approval of nothing                          |
        | An approval in no time         | "approval": { "for": "it", "timeout": "0s" }                         | /steps/0/approval/timeout   | waits for an approval for no time                          |
        | An approver without a name     | "approval": { "for": "it", "approvers": [""] }                       | /steps/0/approval/approvers | waits for the approval of somebody without a name            |
        | An approval that is optional   | "approval": { "for": "it" }, "optional": true                        | /steps/0/optional           | waits for an approval, and so can have no         |
        | An approval that is recovered  | "approval": { "for": "it" }, "recover": ["Payments.pay"]             | /steps/0/recover            | waits for an approval, and so can have no          |
        | An approval that calls as well | "approval": { "for": "it" }, "service": "Payments", "operation": "x" | /steps/0/service            | waits for an approval, and so can have no          |
        | An approval that waits as well | "approval": { "for": "it" }, "wait": "1h"                            | /steps/0/wait               | waits for an approval, and so can have no             |
