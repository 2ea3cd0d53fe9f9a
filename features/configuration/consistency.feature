@needs-configuration
Feature: Services that must agree
  What services keep is compared by rules that are data. A rule that does not hold is a finding with its severity, and so
  is whatever cannot be read.

  Background:
    Given the services from "agent-platform"

  Rule: Rules

    @configuration-15
    Scenario: After a cascading update, all rules hold
      Given the workflow "cascadingUpdate"
      And the consistency scenario "cascadingUpdate"
      When the workflow runs
      Then the workflow completes
      And it takes 450 ms
      And the calls are:
        | at     | call                                   | took   |
        | 0 ms   | PersonalityService.updatePersonality   | 150 ms |
        | 150 ms | FileService.computeChecksum            | 0 ms   |
        | 150 ms | AgentService.syncWithPersonalityUpdate | 200 ms |
        | 350 ms | FileService.updateConfigurationFile    | 100 ms |
      When consistency is checked
      Then the services are consistent
      And it takes 100 ms
      And the entity "creative-mentor" of "PersonalityService" has:
        | path                | value              |
        | /version            | 2                  |
        | /name               | Creative Innovator |
        | /traits/creativity  | 85                 |
        | /traits/imagination | 90                 |
      And the timeline has none of:
        | event               |
        | inconsistency_found |
        | warning             |
        | error               |

    @configuration-3 @configuration-15
    Scenario Outline: <call> fails, and versions are as before
      Given the workflow "cascadingUpdate"
      And the consistency scenario "cascadingUpdate"
      And "<call>" fails with "<code>"
      When the workflow runs
      Then the workflow is rolled back
      And the error is "<code>" from "<call>"
      And these compensations run in order:
        | <first>  |
        | <second> |
      And the entity "creative-mentor" of "PersonalityService" has:
        | path               | value           |
        | /version           | 1               |
        | /name              | Creative Mentor |
        | /traits/creativity | 75              |
      And the entity "grace" of "AgentService" has:
        | path                | value |
        | /version            | 1     |
        | /personalityVersion | 1     |
      And the files are:
        | agents/grace.json |
      When consistency is checked
      Then the inconsistencies are:
        | rule                   | kind             | severity | message                   |
        | personality is changed | version_mismatch | high     | version 1 is lower than 2 |
        | creativity has risen   | field_mismatch   | medium   | found 75, expected 85     |
      And the timeline has, in order:
        | event               | rule                   | kind             | severity |
        | inconsistency_found | personality is changed | version_mismatch | high     |
        | inconsistency_found | creativity has risen   | field_mismatch   | medium   |

      Examples:
        | call                                   | code                  | first                        | second                                 |
        | AgentService.syncWithPersonalityUpdate | CONNECTION_RESET      | AgentService.resetAgentState | PersonalityService.rollbackPersonality |
        | FileService.updateConfigurationFile    | ENOSPC                | AgentService.resetAgentState | PersonalityService.rollbackPersonality |

    @configuration-7
    Scenario: What cannot be read is found, and nothing crashes
      Given the consistency rules:
        """json
        {
          "subjects": {
            "agent": { "call": "AgentServise.getAgentConfiguration", "input": { "id": "grace" } },
            "role": { "call": "RoleService.getCustomRol", "input": { "id": "software-mentor" } },
            "nobody": { "call": "PersonalityService.getPersonality", "input": { "id": "nobody" } },
            "model": { "call": "ModelService.getModel" },
            "personality": { "call": "PersonalityService.getPersonality", "input": { "id": "creative-mentor" } },
            "followed": { "call": "FileService.computeChecksum", "input": { "content": "${/model/id}" } }
          },
          "rules": [
            { "id": "agent", "kind": "versionAtLeast", "value": "${/agent/version}", "version": 1 },
            { "id": "role", "kind": "versionAtLeast", "value": "${/role/version}", "version": 1 },
            { "id": "nobody", "kind": "versionAtLeast", "value": "${/nobody/version}", "version": 1 },
            { "id": "model", "kind": "fieldEquals", "value": "${/model/id}", "expected": "standard-model" },
            { "id": "field", "kind": "fieldEquals", "value": "${/personality/nmae}", "expected": "Creative Mentor" },
            { "id": "type", "kind": "versionAtLeast", "value": "${/personality/name}", "version": 1 },
            { "id": "followed", "kind": "checksumEquals", "value": "${/followed/checksum}", "checksum": "" },
            { "id": "missing", "kind": "referenceExists", "value": "nobody", "in": "PersonalityService.getPersonality" },
            { "id": "elsewhere", "kind": "referenceExists", "value": "nobody", "in": "PersonalitService.getPersonality", "severity": "critical" },
            { "id": "there", "kind": "referenceExists", "value": "creative-mentor", "in": "PersonalityService.getPersonality" }
          ]
        }
        """
      And "ModelService" is down
      When consistency is checked
      Then the inconsistencies are:
        | rule      | kind              | severity | message                                                                                      |
        | agent     | not_found         | high     | SERVICE_NOT_FOUND: service "AgentServise" does not exist: did you mean "AgentService"?        |
        | role      | not_found         | high     | OPERATION_NOT_FOUND: operation "RoleService.getCustomRol" does not exist: did you mean "getCustomRole"? |
        | nobody    | not_found         | high     | PersonalityService.getPersonality has found nothing                                          |
        | model     | unreadable        | medium   | SERVICE_UNAVAILABLE: ModelService is down                                                  |
        | field     | not_found         | medium   | the input refers to /personality/nmae, where there is no data: did you mean "name"?           |
        | type      | version_mismatch  | high     | expected a version, found "Creative Mentor"                                                  |
        | followed  | unreadable        | medium   | SERVICE_UNAVAILABLE: ModelService is down                                                  |
        | missing   | missing_reference | high     | PersonalityService has no "nobody"                                                           |
        | elsewhere | not_found         | critical | SERVICE_NOT_FOUND: service "PersonalitService" does not exist: did you mean "PersonalityService"? |

    @configuration-7
    Scenario: A service that reports version 0 and an error breaks two rules
      Given a service "Registry"
      And "Registry.status" replies:
        """json
        { "version": 0, "errors": ["x"] }
        """
      And the consistency rules:
        """json
        {
          "subjects": { "status": { "call": "Registry.status" } },
          "rules": [
            { "kind": "versionAtLeast", "value": "${/status/version}", "version": 1 },
            { "kind": "fieldEquals", "value": "${/status/errors}", "expected": [] }
          ]
        }
        """
      When consistency is checked
      Then the inconsistencies are:
        | rule           | kind             | message                   |
        | versionAtLeast | version_mismatch | version 0 is lower than 1 |
        | fieldEquals    | field_mismatch   | found ["x"], expected []  |

    @configuration-3 @configuration-7
    Scenario: The service that keeps configurations detects what does not hold, also within a workflow
      Given "ConfigurationService" keeps configurations:
        """json
        {
          "consistency": {
            "subjects": {
              "personality": { "call": "PersonalityService.getPersonality", "input": { "id": "creative-mentor" } },
              "agent": { "call": "AgentService.getAgentConfiguration", "input": { "id": "grace" } }
            },
            "rules": [
              { "id": "agent is up to date", "kind": "versionAtLeast", "value": "${/agent/personalityVersion}", "version": "${/personality/version}" }
            ]
          }
        }
        """
      And the workflow:
        """json
        {
          "id": "update",
          "steps": [
            { "id": "update", "service": "PersonalityService", "operation": "updatePersonality",
              "input": { "id": "creative-mentor", "name": "Creative Muse" }, "compensation": "rollbackPersonality" },
            { "id": "detect", "service": "ConfigurationService", "operation": "detectInconsistencies" },
            { "id": "sync", "service": "AgentService", "operation": "syncWithPersonalityUpdate",
              "input": { "id": "grace", "personalityVersion": "${/update/version}" } }
          ]
        }
        """
      And "AgentService.syncWithPersonalityUpdate" fails with "SYNCHRONIZATION_ERROR"
      When the workflow runs
      Then the workflow is rolled back
      And the entity "creative-mentor" of "PersonalityService" has:
        | path     | value |
        | /version | 1     |
      And the timeline has, in order:
        | event               | rule                | kind             | severity | message                   | caller               |
        | call_started        |                     |                  |          |                           | ConfigurationService |
        | inconsistency_found | agent is up to date | version_mismatch | high     | version 1 is lower than 2 |                      |
      And the outcome has:
        | path                           | value               |
        | /data/detect/isConsistent      | false               |
        | /data/detect/findings/0/rule   | agent is up to date |
      When "ConfigurationService.detectInconsistencies" is called
      Then the reply is:
        """json
        { "isConsistent": true, "findings": [] }
        """

    @configuration-7
    Scenario: Without rules there is nothing to detect
      Given "ConfigurationService" keeps configurations
      When "ConfigurationService.detectInconsistencies" is called
      Then the call fails with "VALIDATION_FAILED"
      And the failure has:
        | path     | value                                                                    |
        | /message | nothing is declared that the services must agree on: "consistency"       |

  Rule: A partition

    Background:
      Given the workflow "cascadingUpdate"
      And the consistency scenario "partitionedPersonality"
      When the workflow runs
      Then the workflow completes

    @configuration-7
    Scenario: After a partition of three seconds, all have version 3 within five
      Given "PersonalityService" is cut off from "AgentService" for 3 s
      When "PersonalityService.updatePersonality" is called with:
        """json
        { "id": "creative-mentor", "version": 2, "name": "Creative Visionary" }
        """
      And consistency is checked
      Then the inconsistencies are:
        | rule                | kind              | severity | message                                |
        | agent is up to date | version_mismatch  | high     | version 2 is lower than 3              |
        | file is up to date  | checksum_mismatch | medium   | checksum "bd3a551d6a74b0fbd231fd5b21b784bc48c7e9fb8b7ac7ef04ac9096983016b5" differs from "b69cc14c349299e0bcbcc20ecf05dc05c87f6316d16721b1b3bbd63c5ad2676d" |
      And the entity "grace" of "AgentService" has:
        | path     | value |
        | /version | 2     |
      When the services are reconciled
      Then the services are consistent
      And it takes 3750 ms
      And the entity "creative-mentor" of "PersonalityService" has:
        | path               | value              |
        | /version           | 3                  |
        | /name              | Creative Visionary |
        | /traits/creativity | 85                 |
      And the entity "grace" of "AgentService" has:
        | path                | value                                                            |
        | /version            | 3                                                                |
        | /personalityVersion | 3                                                                |
        | /syncStatus         | synchronized                                                     |
        | /configurationHash  | b69cc14c349299e0bcbcc20ecf05dc05c87f6316d16721b1b3bbd63c5ad2676d |
      And no effect happens twice
      And the timeline has, in order:
        | at      | event               | rule                | about                  | took        |
        | 650 ms  | inconsistency_found | agent is up to date |                        |             |
        | 650 ms  | inconsistency_found | file is up to date  |                        |             |
        | 4400 ms | reconciled          |                     | partitionedPersonality | 3 s 750 ms  |
      And the timeline has none of:
        | event   |
        | warning |
        | error   |
      When "FileService.readFile" is called with:
        """json
        { "path": "agents/grace.json" }
        """
      Then the reply has:
        | path                         | value                                                            |
        | /version                     | 3                                                                |
        | /checksum                    | b69cc14c349299e0bcbcc20ecf05dc05c87f6316d16721b1b3bbd63c5ad2676d |
        | /content/personality/version | 3                                                                |

    @configuration-7
    Scenario: A partition that ends after six seconds is a warning, and then all agree
      Given "PersonalityService" is cut off from "AgentService" for 6 s
      When "PersonalityService.updatePersonality" is called with:
        """json
        { "id": "creative-mentor", "version": 2, "name": "Creative Visionary" }
        """
      And the services are reconciled
      Then the services are consistent
      And the timeline has, in order:
        | at      | event      | about                  | message                               | took       |
        | 5601 ms | warning    | partitionedPersonality | the services do not agree after 5 s   |            |
        | 6950 ms | reconciled | partitionedPersonality |                                       | 6 s 350 ms |
      And the timeline has none of:
        | event |
        | error |

    @configuration-7
    Scenario: A partition that ends after thirty-one seconds is an error too
      Given "PersonalityService" is cut off from "AgentService" for 31 s
      When "PersonalityService.updatePersonality" is called with:
        """json
        { "id": "creative-mentor", "version": 2, "name": "Creative Visionary" }
        """
      And the services are reconciled
      Then the services are consistent
      And the timeline has, in order:
        | at       | event      | about                  | message                              |
        | 5601 ms  | warning    | partitionedPersonality | the services do not agree after 5 s  |
        | 30601 ms | error      | partitionedPersonality | the services do not agree after 30 s |
        |          | reconciled | partitionedPersonality |                                      |
      And the entity "grace" of "AgentService" has:
        | path     | value |
        | /version | 3     |

    @configuration-7
    Scenario Outline: A partition that ends after <partition> is reconciled in <time>
      Given "PersonalityService" is cut off from "AgentService" for <partition>
      When "PersonalityService.updatePersonality" is called with:
        """json
        { "id": "creative-mentor", "version": 2, "name": "Creative Visionary" }
        """
      And the services are reconciled
      Then the services are consistent
      And it takes <time>
      And the timeline has, in order:
        | at   | event   | about                  |
        | <at> | <event> | partitionedPersonality |
      And the entity "grace" of "AgentService" has:
        | path     | value |
        | /version | 3     |
      And no effect happens twice

      Examples:
        | partition | time        | at       | event      |
        | 4 s       | 4 s 400 ms  | 5 s      | reconciled |
        | 5 s       | 5 s 700 ms  | 5601 ms  | warning    |
        | 29 s      | 29 s 750 ms | 5601 ms  | warning    |
        | 31 s      | 31 s 700 ms | 30601 ms | error      |

    @configuration-7
    Scenario: What was carried over already is not done again when a later call fails
      Given "PersonalityService" is cut off from "FileService" for 2 s
      When "PersonalityService.updatePersonality" is called with:
        """json
        { "id": "creative-mentor", "version": 2, "name": "Creative Visionary" }
        """
      And the services are reconciled
      Then the services are consistent
      And the entity "grace" of "AgentService" has:
        | path     | value |
        | /version | 3     |
      And no effect happens twice

  Rule: Faulty rules

    @configuration-7 @configuration-17
    Scenario: All faults of a file of consistency scenarios are reported together
      When the consistency scenarios are loaded:
        """json
        {
          "services": "agent-platfrom",
          "consistencyScenarios": [
            {
              "id": "one",
              "subjects": {
                "agent": { "call": "AgentService.getAgentConfiguration", "input": { "id": "${/file/owner}" } },
                "file": { "call": "FileService.getMetadata" }
              },
              "rules": [
                { "kind": "versionAtleast", "value": "${/agent/version}", "version": 2 },
                { "kind": "fieldEquals", "value": 1, "expcted": 1 },
                { "id": "same", "kind": "fieldEquals", "value": "${/agnet/version}", "expected": 1 },
                { "id": "same", "kind": "withinWindow", "values": [], "window": "soon" }
              ],
              "reconciliation": { "steps": [], "pol": "1s" }
            },
            { "id": "two", "rules": [] }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                       | message                          |
        | /services                                     | did you mean "agent-platform"?   |
        | /consistencyScenarios/0/rules/0/kind          | did you mean "versionAtLeast"?   |
        | /consistencyScenarios/0/rules/1               | did you mean "expected"?         |
        | /consistencyScenarios/0/rules/3/window        | "soon" does not match            |
        | /consistencyScenarios/0/reconciliation/pol    | did you mean "poll"?             |
        | /consistencyScenarios/0/reconciliation/steps  | has less than 1 item             |
        | /consistencyScenarios/1/rules                 | has less than 1 item             |
        | /consistencyScenarios/1/subjects              | is required                      |

    @configuration-7 @configuration-17
    Scenario: References that lead nowhere and names that are taken are reported with the nearest
      When the consistency scenarios are loaded:
        """json
        {
          "consistencyScenarios": [
            {
              "id": "one",
              "subjects": {
                "agent": { "call": "AgentService.getAgentConfiguration", "input": { "id": "${/file/owner}" } },
                "file": { "call": "FileService.getMetadata" }
              },
              "rules": [
                { "kind": "fieldEquals", "value": "${/agnet/version}", "expected": "costs ${/agent/version}" },
                { "kind": "fieldEquals", "value": 1, "expected": 1 }
              ],
              "reconciliation": {
                "expected": "5s",
                "limit": "4s",
                "poll": "0s",
                "steps": [
                  { "id": "sync", "call": "AgentService.syncWithPersonalityUpdate", "input": { "id": "${/writen/id}" } },
                  { "id": "file", "call": "FileService.updateFile", "input": "${/sync/version}" }
                ]
              }
            },
            { "id": "one", "subjects": {}, "rules": [ { "kind": "fieldEquals", "value": 1, "expected": 1 } ] }
          ]
        }
        """
      Then the fixture has these faults:
        | pointer                                                | message                                            |
        | /consistencyScenarios/0/subjects/agent/input/id        | there is no subject "file" before it               |
        | /consistencyScenarios/0/rules/0/expected               | looks like a reference but is not one              |
        | /consistencyScenarios/0/rules/0/value                  | did you mean "agent"?                              |
        | /consistencyScenarios/0/rules/1/id                     | another rule has the id "fieldEquals"              |
        | /consistencyScenarios/0/reconciliation/limit           | expected at least 5 s                              |
        | /consistencyScenarios/0/reconciliation/poll            | expected more than 0 ms                            |
        | /consistencyScenarios/0/reconciliation/steps/0/input/id | there is no subject or earlier step "writen"      |
        | /consistencyScenarios/0/reconciliation/steps/1/id      | "file" is taken                                    |
        | /consistencyScenarios/1/id                             | "one" is taken                                     |
