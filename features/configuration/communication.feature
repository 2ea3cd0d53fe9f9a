@needs-messaging
Feature: How services talk to each other
  The requests of a coordinator, and its timeouts, retries and breakers, are data:
  a communication pattern. The expectations are steps.

  Background:
    Given the services from "agent-platform"

  Rule: Requests and responses

    @configuration-16 @integration-1
    Scenario: The parts of an agent are checked sequentially
      Given the communication pattern "agentComposition"
      When the communication takes place
      Then the communication goes as expected
      And it takes 350 ms
      And the communication keeps its thresholds
      And the responses are:
        | exchange    | from                 | call                                            | status  | executions | responseTime | speed | data                                                                                               |
        | personality | ConfigurationService | PersonalityService.validatePersonalityReference | success | 1          | 100 ms       | fast  | {"isValid": true, "errors": [], "id": "creative-mentor", "version": 1}                             |
        | role        | ConfigurationService | RoleService.validateRoleCapabilities            | success | 1          | 100 ms       | fast  | {"isValid": true, "errors": [], "id": "software-mentor", "version": 1, "compatibilityScore": 0.95} |
        | agent       | ConfigurationService | AgentService.validateAgentComposition           | success | 1          | 150 ms       | fast  | {"isValid": true, "errors": [], "compositionScore": 0.92, "estimatedPerformance": "high"}          |

    @configuration-16
    Scenario: Responses that take longer than expected are reported, by exchange and in total
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
        | 2500 ms | warning | agentComposition | took 2 s 500 ms, expected 2 s |
      And the communication exceeds these thresholds:
        | an execution takes 1 s 450 ms, expected 200 ms at most |

    @configuration-11 @integration-1
    Scenario: An unknown personality is refused, and two similar ones are suggested
      Given the communication pattern "unknownPersonality"
      When the communication takes place
      Then the communication goes as expected
      And it takes 200 ms
      And the responses are:
        | exchange     | status  | code                  | field         | executions | responseTime | data                                                                                                                                                            |
        | reference    | error   | PERSONALITY_NOT_FOUND | personalityId | 1          | 100 ms       |                                                                                                                                                                 |
        | alternatives | success |                       |               | 1          | 100 ms       | {"suggestions": [{"id": "careful-guide", "name": "Careful Guide", "similarity": 0.85}, {"id": "creative-coach", "name": "Creative Coach", "similarity": 0.82}]} |

    @configuration-5
    Scenario: Corrupted replies are detected
      Given the communication pattern "agentComposition"
      And "RoleService" corrupts its replies
      When the communication takes place
      Then the responses are:
        | exchange    | status  | code                |
        | personality | success |                     |
        | role        | error   | CORRUPTION_DETECTED |
        | agent       | success |                     |
      And the timeline has, in order:
        | at     | event      | call                                 | result              |
        | 200 ms | call_ended | RoleService.validateRoleCapabilities | CORRUPTION_DETECTED |

  Rule: A breaker stops calls to a service that does not answer

    @configuration-16 @resilience-3
    Scenario: Three timeouts open the breaker, and a fallback answers
      Given the communication pattern "breakerWithFallback"
      When the communication takes place
      Then the communication goes as expected
      And it takes 6100 ms
      And the circuit breaker on "PersonalityService" is open
      And the circuit breaker on "RoleService" is closed
      And "PersonalityService.validatePersonalityReference" is executed 3 times
      And the responses are:
        | exchange        | status  | code    | executions | responseTime | speed | fallbackUsed | data                                                                                               |
        | first           | error   | TIMEOUT | 1          | 2 s          | slow  | false        |                                                                                                    |
        | second          | error   | TIMEOUT | 1          | 2 s          | slow  | false        |                                                                                                    |
        | third           | error   | TIMEOUT | 1          | 2 s          | slow  | false        |                                                                                                    |
        | fourth          | success |         | 0          | 0 s          | fast  | true         | {"isValid": false, "code": "SERVICE_UNAVAILABLE", "fallbackUsed": true}                            |
        | another service | success |         | 1          | 100 ms       | fast  | false        | {"isValid": true, "errors": [], "id": "software-mentor", "version": 1, "compatibilityScore": 0.95} |
      And the timeline has, in order:
        | at  | event          | service            | by      | code                |
        | 6 s | breaker_opened | PersonalityService |         |                     |
        | 6 s | call_refused   |                    | breaker | SERVICE_UNAVAILABLE |
      And the timeline has none of:
        | at  | event               |
        | 2 s | breaker_opened      |
        | 4 s | breaker_opened      |
        |     | breaker_half_opened |
        |     | breaker_closed      |

    @configuration-16 @resilience-4
    Scenario: Two successes after the recovery time close the breaker
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
      And the timeline has none of:
        | at      | event          |
        | 1500 ms | breaker_opened |
        | 6500 ms | breaker_closed |
      And the responses are:
        | exchange | status  | code    | responseTime | data                                                                                                                   |
        | first    | error   | TIMEOUT | 1500 ms      |                                                                                                                        |
        | second   | error   | TIMEOUT | 1500 ms      |                                                                                                                        |
        | third    | success |         | 500 ms       | {"isValid": true, "errors": [], "id": "grace", "version": 1, "compositionScore": 0.92, "estimatedPerformance": "high"} |
        | fourth   | success |         | 450 ms       | {"isValid": true, "errors": [], "id": "grace", "version": 1, "compositionScore": 0.92, "estimatedPerformance": "high"} |

    @configuration-16 @resilience-3
    Scenario: A breaker declared after the pattern replaces the pattern's breaker
      Given the communication pattern "breakerRecovery"
      And a circuit breaker on "AgentService" opening after 3 failures for 3 s
      When the communication takes place
      Then the circuit breaker on "AgentService" is closed
      And the timeline has none of:
        | event               |
        | breaker_opened      |
        | breaker_half_opened |

    @configuration-16
    Scenario: Failures exceed the thresholds
      Given the communication pattern "breakerRecovery"
      When the communication takes place
      Then the communication exceeds these thresholds:
        | the success rate is 0.5, expected 0.99 at least  |
        | the error rate is 0.5, expected 0.01 at most     |
        | the availability is 0.5, expected 0.999 at least |
        | an execution takes 500 ms, expected 200 ms at most |

  Rule: Transient failures are retried

    @configuration-16 @resilience-1
    Scenario: Two transient failures are retried, then the call succeeds
      Given the communication pattern "retryWithBackoff"
      When the communication takes place
      Then the communication goes as expected
      And it takes 375 ms
      And "FileService.createFile" waits "100 ms, 200 ms" between executions
      And the file "agents/ada.json" exists
      And the responses are:
        | exchange | status  | executions | responseTime | speed | data                                                                                                                                                                                                                                           |
        | file     | success | 3          | 375 ms       | fast  | {"success": true, "path": "agents/ada.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.375Z", "backupCreated": false, "checksum": "fd7c2431fdc37b5d6125b8fbce67629d904ffb6d2f501dbd987370378b03c6fe", "version": 1, "size": 20} |

    @configuration-16 @resilience-1
    Scenario: The answers of a pattern replace faults declared before, which no longer need to be hit
      Given "FileService.createFile" fails with "IO_ERROR"
      And the communication pattern "retryWithBackoff"
      When the communication takes place
      Then the communication goes as expected
      And "FileService.createFile" is executed 3 times

    @configuration-16 @resilience-1
    Scenario: A call with an invalid path is not retried
      Given the communication pattern "permanentError"
      When the communication takes place
      Then the communication goes as expected
      And "FileService.createFile" is executed 1 time
      And no file is left behind
      And the responses are:
        | exchange | status | code         | field | executions |
        | file     | error  | INVALID_PATH | path  | 1          |

    @configuration-16 @resilience-2
    Scenario Outline: With the seed <seed> the waits stay in their ranges, and within a second in total
      Given the seed <seed>
      And the communication pattern "retryWithJitter"
      When the communication takes place
      Then the communication goes as expected
      And it takes at most 1 s
      And "ValidationService.validateSystemConsistency" waits within "75 ms to 125 ms, 150 ms to 250 ms, 300 ms to 500 ms" between executions
      And the responses are:
        | exchange    | status  | executions | data                              |
        | consistency | success | 4          | {"isValid": true, "findings": []} |

      Examples:
        | seed |
        | 1    |
        | 2    |
        | 3    |

    @configuration-16 @resilience-2
    Scenario: A retry policy declared after the pattern replaces the pattern's policy
      Given the communication pattern "retryWithBackoff"
      And "FileService.createFile" is retried up to 1 time
      When the communication takes place
      Then "FileService.createFile" is executed 2 times
      And "FileService.createFile" waits "100 ms" between executions
      And the responses are:
        | exchange | status | code            | executions |
        | file     | error  | TRANSIENT_ERROR | 2          |

  Rule: Non-critical work takes no capacity from critical work

    @configuration-16 @resilience-8
    Scenario: Fifteen non-critical calls leave room for eight critical ones
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
      And the responses are:
        | exchange      | status  | data                                                                                                                                                                                                                                     |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.075Z", "backupCreated": false, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 1, "size": 1} |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.075Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 2, "size": 1}  |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.075Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 3, "size": 1}  |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.075Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 4, "size": 1}  |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.075Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 5, "size": 1}  |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.15Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 6, "size": 1}   |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.15Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 7, "size": 1}   |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.15Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 8, "size": 1}   |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.15Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 9, "size": 1}   |
        | files         | success | {"success": true, "path": "notes.json", "operation": "create", "timestamp": "2025-01-01T00:00:00.15Z", "backupCreated": true, "checksum": "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112", "version": 10, "size": 1}  |
        | checks        | success | {"isValid": true, "findings": []}                                                                                                                                                                                                        |
        | checks        | success | {"isValid": true, "findings": []}                                                                                                                                                                                                        |
        | checks        | success | {"isValid": true, "findings": []}                                                                                                                                                                                                        |
        | checks        | success | {"isValid": true, "findings": []}                                                                                                                                                                                                        |
        | checks        | success | {"isValid": true, "findings": []}                                                                                                                                                                                                        |
        | personalities | success | {"isValid": true, "errors": [], "id": "creative-mentor", "version": 1}                                                                                                                                                                   |
        | personalities | success | {"isValid": true, "errors": [], "id": "creative-mentor", "version": 1}                                                                                                                                                                   |
        | personalities | success | {"isValid": true, "errors": [], "id": "creative-mentor", "version": 1}                                                                                                                                                                   |
        | personalities | success | {"isValid": true, "errors": [], "id": "creative-mentor", "version": 1}                                                                                                                                                                   |
        | agents        | success | {"isValid": true, "errors": [], "id": "grace", "version": 1, "compositionScore": 0.92, "estimatedPerformance": "high"}                                                                                                                   |
        | agents        | success | {"isValid": true, "errors": [], "id": "grace", "version": 1, "compositionScore": 0.92, "estimatedPerformance": "high"}                                                                                                                   |
        | agents        | success | {"isValid": true, "errors": [], "id": "grace", "version": 1, "compositionScore": 0.92, "estimatedPerformance": "high"}                                                                                                                   |
        | agents        | success | {"isValid": true, "errors": [], "id": "grace", "version": 1, "compositionScore": 0.92, "estimatedPerformance": "high"}                                                                                                                   |

    @configuration-16 @resilience-8
    Scenario: With less capacity critical calls wait, and their delay is reported
      Given the communication pattern "bulkheads"
      And a bulkhead of 2 calls on "critical"
      When the communication takes place
      Then the timeline has, in order:
        | event | about  | message                    |
        | error | agents | took 500 ms, expected 150 ms |

  Rule: A pattern's policies apply to all other calls

    @resilience-3
    Scenario: A pattern's breaker and timeouts apply to a scenario's own calls
      Given the communication pattern "breakerWithFallback"
      When "PersonalityService.validatePersonalityReference" is called 3 times
      Then it takes 6 s
      And the circuit breaker on "PersonalityService" is open

  Rule: All errors of a file of patterns are reported together

    @configuration-17
    Scenario: Missing and mistyped fields are reported along with unknown names
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
                { "call": "RoleService.getCustomRole", "expectedDuratoin": "1s", "expectedWaits": ["100ms"], "expectedBreaker": "open" }
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
        | /communicationPatterns/2/communicationFlow/2/expectedBreaker            | expectedDuration                    |
        | /communicationPatterns/2/communicationFlow/2/expectedDuratoin           | did you mean "expectedDuration"?    |
        | /communicationPatterns/2/communicationFlow/2/expectedWaits              | expectedDuration                    |
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
                "breakers": { "AgentServise": {}, "AgentService.createAgnet": {}, "AgentService.createAgent": {} },
                "bulkheads": {
                  "non-critcal": { "maxConcurrentCalls": 5 }, "AgentService.creatAgent": { "maxConcurrentCalls": 5 }
                }
              },
              "answers": {
                "AgentService.createAgent": [
                  { "execution": "1-3", "answer": "error SYNCHRONISATION_ERROR" },
                  { "execution": "3-", "answer": "ok" }
                ]
              },
              "communicationFlow": [
                { "call": "FileService.readFiel", "from": "ConfigurationServce" },
                [{ "call": "RoleService.getCustomRole" }, { "call": "RoleService.getCustomRol" }]
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
        | /communicationPatterns/0/policies/breakers/AgentService.createAgnet   | did you mean "createAgent"?           |
        | /communicationPatterns/0/policies/breakers/AgentServise               | did you mean "AgentService"?          |
        | /communicationPatterns/0/policies/bulkheads/AgentService.creatAgent   | did you mean "createAgent"?           |
        | /communicationPatterns/0/policies/bulkheads/non-critcal               | service "non-critcal" does not exist  |
        | /communicationPatterns/0/answers/AgentService.createAgent/0/answer    | did you mean "SYNCHRONIZATION_ERROR"? |
        | /communicationPatterns/0/answers/AgentService.createAgent/1/execution | answered already                      |
        | /communicationPatterns/0/communicationFlow/0/call                     | did you mean "readFile"?              |
        | /communicationPatterns/0/communicationFlow/0/from                     | did you mean "ConfigurationService"?  |
        | /communicationPatterns/0/communicationFlow/1/1/call                   | did you mean "getCustomRole"?         |
        | /communicationPatterns/1/id                                           | "lost" is taken                       |

    @configuration-17
    Scenario: Values that the schema cannot check are reported
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
              "communicationFlow": [{ "call": "FileService.readFile", "expectedDuration": "5 parsecs" }]
            }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                                       | message |
        | /communicationPatterns/0/communicationFlow/0/expectedDuration | parsecs |
