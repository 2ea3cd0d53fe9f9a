@needs-messaging
Feature: How services talk to each other
  What a coordinator asks, how long it waits, when it asks again and when it gives
  up is written down as data, and so is what is expected to come of it.

  Background:
    Given the services from "agent-platform"

  Rule: Asked and answered

    @configuration-16 @integration-1
    Scenario: The parts of an agent are checked sequentially
      Given the communication pattern "agentComposition"
      When the communication takes place
      Then the communication goes as expected
      And it takes 350 ms
      And the communication keeps its thresholds
      And the responses are:
        | exchange    | from                 | call                                            | status  | executions | responseTime | speed |
        | personality | ConfigurationService | PersonalityService.validatePersonalityReference | success | 1          | 100 ms       | fast  |
        | role        | ConfigurationService | RoleService.validateRoleCapabilities            | success | 1          | 100 ms       | fast  |
        | agent       | ConfigurationService | AgentService.validateAgentComposition           | success | 1          | 150 ms       | fast  |

    @configuration-16
    Scenario: A duration above the expected one is reported, by exchange and in total
      Given the communication pattern "agentComposition"
      And "RoleService" is slowed by 850 ms
      And "AgentService" is slowed by 1300 ms
      When the communication takes place
      Then it takes 2500 ms
      And the responses are:
        | exchange    | responseTime | speed      |
        | personality | 100 ms       | fast       |
        | role        | 950 ms       | acceptable |
        | agent       | 1450 ms      | slow       |
      And the timeline has, in order:
        | at      | event   | about            | message                    |
        | 2500 ms | warning | agentComposition | took 2s 500ms, expected 2s |
      And the communication exceeds these thresholds:
        | an execution takes 1s 450ms, expected 200ms at most |

    @configuration-11 @integration-1
    Scenario: An unknown personality is refused, and two similar ones are suggested
      Given the communication pattern "unknownPersonality"
      When the communication takes place
      Then the communication goes as expected
      And it takes 200 ms
      And the responses are:
        | exchange     | status  | code                  | executions | responseTime |
        | reference    | error   | PERSONALITY_NOT_FOUND | 1          | 100 ms       |
        | alternatives | success |                       | 1          | 100 ms       |

    @configuration-5
    Scenario: A corrupted reply is detected
      Given the communication pattern "agentComposition"
      And "RoleService" corrupts its replies
      When the communication takes place
      Then the responses are:
        | exchange    | status  | code                |
        | personality | success |                     |
        | role        | error   | CORRUPTION_DETECTED |
        | agent       | success |                     |
      And the timeline has, in order:
        | at     | event | about |
        | 200 ms | error | role  |

  Rule: A service that does not answer is left alone

    @configuration-16 @resilience-3
    Scenario: Three timeouts open the breaker, and a fallback replaces the reply
      Given the communication pattern "breakerWithFallback"
      When the communication takes place
      Then the communication goes as expected
      And it takes 6100 ms
      And the circuit breaker on "PersonalityService" is open
      And the circuit breaker on "RoleService" is closed
      And "PersonalityService.validatePersonalityReference" is executed 3 times
      And the responses are:
        | exchange        | status  | code    | executions | responseTime | speed | fallbackUsed |
        | first           | error   | TIMEOUT | 1          | 2 s          | slow  | false        |
        | second          | error   | TIMEOUT | 1          | 2 s          | slow  | false        |
        | third           | error   | TIMEOUT | 1          | 2 s          | slow  | false        |
        | fourth          | success |         | 0          | 0 s          | fast  | true         |
        | another service | success |         | 1          | 100 ms       | fast  | false        |
      And the timeline has, in order:
        | at  | event          | service            | by      | code                |
        | 6 s | breaker_opened | PersonalityService |         |                     |
        | 6 s | call_refused   |                    | breaker | SERVICE_UNAVAILABLE |

    @configuration-16 @resilience-4
    Scenario: After its recovery time two successes close the breaker
      Given the communication pattern "breakerRecovery"
      When the communication takes place
      Then the communication goes as expected
      And it takes 6950 ms
      And the circuit breaker on "AgentService" is closed
      And the timeline has, in order:
        | at      | event               | service      | call                                  | took   |
        | 3 s     | breaker_opened      | AgentService |                                       |        |
        | 6 s     | breaker_half_opened | AgentService |                                       |        |
        | 6500 ms | call_ended          |              | AgentService.validateAgentComposition | 500 ms |
        | 6950 ms | call_ended          |              | AgentService.validateAgentComposition | 450 ms |
        | 6950 ms | breaker_closed      | AgentService |                                       |        |

    @configuration-16 @resilience-3
    Scenario: A breaker in an unexpected state is reported
      Given the communication pattern "breakerRecovery"
      And a circuit breaker on "AgentService" opening after 3 failures for 3 s
      When the communication takes place
      Then the timeline has, in order:
        | event | about  | message                                                               |
        | error | second | leaves the circuit breaker on AgentService closed, expected open      |
        | error | third  | leaves the circuit breaker on AgentService closed, expected half-open |

    @configuration-16
    Scenario: Failures above the thresholds are reported
      Given the communication pattern "breakerRecovery"
      When the communication takes place
      Then the communication exceeds these thresholds:
        | the success rate is 0.5, expected 0.99 at least  |
        | the error rate is 0.5, expected 0.01 at most     |
        | the availability is 0.5, expected 0.999 at least |
        | an execution takes 500ms, expected 200ms at most |

  Rule: What may pass is asked for again

    @configuration-16 @resilience-1
    Scenario: Two transient failures and a success
      Given the communication pattern "retryWithBackoff"
      When the communication takes place
      Then the communication goes as expected
      And it takes 375 ms
      And "FileService.createFile" waits "100 ms, 200 ms" between executions
      And the file "agents/ada.json" exists
      And the responses are:
        | exchange | status  | executions | speed |
        | file     | success | 3          | fast  |

    @configuration-16 @resilience-1
    Scenario: The answers of a pattern replace earlier faults, which no longer have to happen
      Given "FileService.createFile" fails with "IO_ERROR"
      And the communication pattern "retryWithBackoff"
      When the communication takes place
      Then the communication goes as expected
      And "FileService.createFile" is executed 3 times

    @configuration-16 @resilience-1
    Scenario: An invalid path is not retried
      Given the communication pattern "permanentError"
      When the communication takes place
      Then the communication goes as expected
      And "FileService.createFile" is executed 1 time
      And no file is left behind
      And the responses are:
        | exchange | status | code         | executions |
        | file     | error  | INVALID_PATH | 1          |

    @configuration-16 @resilience-2
    Scenario Outline: With the seed <seed> the waits stay in their ranges, and in a second altogether
      Given the seed <seed>
      And the communication pattern "retryWithJitter"
      When the communication takes place
      Then the communication goes as expected
      And it takes at most 1 s
      And "ValidationService.validateSystemConsistency" waits within "75 ms to 125 ms, 150 ms to 250 ms, 300 ms to 500 ms" between executions

      Examples:
        | seed |
        | 1    |
        | 2    |
        | 3    |

    @configuration-16 @resilience-2
    Scenario: Unexpected waits are reported
      Given the communication pattern "retryWithBackoff"
      And "FileService.createFile" is retried up to 1 time
      When the communication takes place
      Then the timeline has, in order:
        | event | about | message                                                   |
        | error | file  | has 2 executions, expected 3                              |
        | error | file  | waits "100ms" between executions, expected "100ms, 200ms" |

  Rule: Work that can wait does not take the room of work that cannot

    @configuration-16 @resilience-8
    Scenario: Fifteen calls that can wait, and eight that cannot
      Given the communication pattern "bulkheads"
      When the communication takes place
      Then the communication goes as expected
      And it takes 260 ms
      And the communication keeps its thresholds
      And at most 5 calls to "non-critical" run at once
      And at most 8 calls to "critical" run at once
      And no call to "PersonalityService" starts after 0 ms
      And no call to "AgentService" starts after 0 ms
      And no call to "ValidationService" starts after 150 ms

    @configuration-16 @resilience-8
    Scenario: With a smaller bulkhead urgent calls have to wait, which is reported
      Given the communication pattern "bulkheads"
      And a bulkhead of 2 calls on "critical"
      When the communication takes place
      Then the timeline has, in order:
        | event | about  | message                    |
        | error | agents | took 500ms, expected 150ms |

  Rule: A pattern's policies hold for whatever else is asked

    @resilience-3
    Scenario: A pattern's breaker and timeouts apply to a feature's own calls
      Given the communication pattern "breakerWithFallback"
      When "PersonalityService.validatePersonalityReference" is called 3 times
      Then it takes 6 s
      And the circuit breaker on "PersonalityService" is open

  Rule: Whoever writes patterns learns at once of everything that is wrong with them

    @configuration-17
    Scenario: Missing and mistyped fields are listed, beside unknown names
      When the communication patterns are loaded:
        """json
        {
          "services": "agent-platform",
          "thresholds": {
            "responseTime": { "fast": "500ms", "acceptable": "1s", "slow": 2 },
            "interServiceLatency": "200ms", "successRate": 99, "errorRate": 0.01, "availability": 0.999,
            "concurrentRequests": 50
          },
          "communicationPatterns": [
            { "id": "silent", "totalExpectedDuration": "1s" },
            { "id": "untimed", "communicationFlow": [] },
            {
              "id": "mistyped",
              "totalExpectedDuration": "1s",
              "polices": {},
              "policies": { "bulkheads": { "critical": { "maxConcurrentCalls": 0 } } },
              "answers": { "RoleService.getCustomRole": [{ "execution": "1" }] },
              "communicationFlow": [
                { "input": {} },
                [{ "call": "RoleService.getCustomRole", "times": 0 }],
                { "call": "RoleService.getCustomRole", "expectedBreakr": "open", "expectedBreaker": "ajar", "expectedError": {} }
              ]
            },
            { "id": "lost", "totalExpectedDuration": "1s", "communicationFlow": [{ "call": "RoleService.getCustomRol" }] }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                                                 | message                             |
        | /thresholds/responseTime/slow                                           | 2 is not of type "string"           |
        | /thresholds/responseTime/timeout                                        | is required                         |
        | /thresholds/successRate                                                 | 99 is greater than the maximum of 1 |
        | /communicationPatterns/0/communicationFlow                              | is required                         |
        | /communicationPatterns/1/communicationFlow                              | has less than 1 item                |
        | /communicationPatterns/1/totalExpectedDuration                          | is required                         |
        | /communicationPatterns/2/polices                                        | did you mean "policies"?            |
        | /communicationPatterns/2/policies/bulkheads/critical/maxConcurrentCalls | 0 is less than the minimum of 1     |
        | /communicationPatterns/2/answers/RoleService.getCustomRole/0/answer     | is required                         |
        | /communicationPatterns/2/communicationFlow/0/call                       | is required                         |
        | /communicationPatterns/2/communicationFlow/1/0/times                    | 0 is less than the minimum of 1     |
        | /communicationPatterns/2/communicationFlow/2/expectedBreaker            | "ajar" is not one of                |
        | /communicationPatterns/2/communicationFlow/2/expectedBreakr             | did you mean "expectedBreaker"?     |
        | /communicationPatterns/2/communicationFlow/2/expectedError/code         | is required                         |
        | /communicationPatterns/3/communicationFlow/0/call                       | did you mean "getCustomRole"?       |

    @configuration-17
    Scenario: Unknown names and contradictions are reported with the nearest name
      When the communication patterns are loaded:
        """json
        {
          "$schema": "../schemas/communication.json",
          "services": "agent-platform",
          "thresholds": {
            "responseTime": { "fast": "500ms", "acceptable": "1s", "slow": "1s", "timeout": "5s" },
            "interServiceLatency": "200ms", "successRate": 0.99, "errorRate": 0.01, "availability": 0.999,
            "concurrentRequests": 50
          },
          "communicationPatterns": [
            {
              "id": "lost",
              "totalExpectedDuration": "1s",
              "policies": {
                "timeouts": { "RoleService.getCustomRol": "1s" },
                "retries": { "RolService.getCustomRole": "none" },
                "breakers": { "AgentServise": {} },
                "bulkheads": { "non-critcal": { "maxConcurrentCalls": 5 } }
              },
              "answers": {
                "AgentService.createAgent": [
                  { "execution": "1-3", "answer": "error SYNCHRONISATION_ERROR" },
                  { "execution": "3-", "answer": "ok" }
                ]
              },
              "communicationFlow": [
                { "call": "FileService.readFiel", "from": "ConfigurationServce" },
                [
                  { "call": "RoleService.getCustomRole", "expectedWaits": ["100ms"] },
                  { "call": "RoleService.getCustomRole", "expectedBreaker": "open", "expectedError": { "code": "TIMEUOT" } }
                ]
              ]
            },
            {
              "id": "lost",
              "totalExpectedDuration": "1s",
              "communicationFlow": [{ "call": "FileService.readFile" }]
            }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                                               | message                               |
        | /thresholds/responseTime                                              | ascend                                |
        | /communicationPatterns/0/policies/timeouts/RoleService.getCustomRol   | did you mean "getCustomRole"?         |
        | /communicationPatterns/0/policies/retries/RolService.getCustomRole    | did you mean "RoleService"?           |
        | /communicationPatterns/0/policies/breakers/AgentServise               | did you mean "AgentService"?          |
        | /communicationPatterns/0/policies/bulkheads/non-critcal               | service "non-critcal" does not exist  |
        | /communicationPatterns/0/answers/AgentService.createAgent/0/answer    | did you mean "SYNCHRONIZATION_ERROR"? |
        | /communicationPatterns/0/answers/AgentService.createAgent/1/execution | spoken for already                    |
        | /communicationPatterns/0/communicationFlow/0/call                     | did you mean "readFile"?              |
        | /communicationPatterns/0/communicationFlow/0/from                     | did you mean "ConfigurationService"?  |
        | /communicationPatterns/0/communicationFlow/1/0/expectedWaits          | made at once                          |
        | /communicationPatterns/0/communicationFlow/1/1/expectedBreaker        | no circuit breaker on RoleService     |
        | /communicationPatterns/0/communicationFlow/1/1/expectedError/code     | did you mean "TIMEOUT"?               |
        | /communicationPatterns/1/id                                           | "lost" is taken                       |

    @configuration-17
    Scenario: Faults beyond the schema are reported where the schema finds none
      When the communication patterns are loaded:
        """json
        {
          "services": "agent-platform",
          "thresholds": {
            "responseTime": { "fast": "500ms", "acceptable": "1s", "slow": "2s", "timeout": "5s" },
            "interServiceLatency": "200ms", "successRate": 0.99, "errorRate": 0.01, "availability": 0.999,
            "concurrentRequests": 50
          },
          "communicationPatterns": [
            {
              "id": "slow",
              "totalExpectedDuration": "1s",
              "communicationFlow": [{ "call": "FileService.readFile", "expectedWaits": ["5 parsecs"] }]
            }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                                      | message |
        | /communicationPatterns/0/communicationFlow/0/expectedWaits/0 | parsecs |
