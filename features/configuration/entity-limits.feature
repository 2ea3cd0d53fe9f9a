@needs-json-schema
Feature: Limits of what the platform keeps
  What a personality, a role and an agent are like is in their schema. A value at a limit is accepted, one beyond it is
  refused with its field.

  Background:
    Given the services from "agent-platform"

  @configuration-1
  Scenario Outline: A personality whose <trait> is <value> is valid
    When "PersonalityService.validatePersonalityConfiguration" is called with:
      """json
      {
        "id": "guide", "name": "Guide",
        "traits": {
          "openness": 50, "conscientiousness": 50, "extraversion": 50, "agreeableness": 50, "neuroticism": 50,
          "formality": 50, "humor": 50, "assertiveness": 50, "empathy": 50, "storytelling": 50, "brevity": 50,
          "imagination": 50, "playfulness": 50, "dramaticism": 50, "analyticalDepth": 50, "contrarianism": 50,
          "encouragement": 50, "curiosity": 50, "patience": 50, "<trait>": <value>
        }
      }
      """
    Then the reply has:
      | path     | value |
      | /isValid | true  |

    Examples:
      | trait      | value |
      | openness   | 0     |
      | openness   | 100   |
      | patience   | 0.5   |
      | creativity | 100   |

  @configuration-1
  Scenario Outline: A personality whose <trait> is <value> is refused
    When "PersonalityService.validatePersonalityConfiguration" is called with:
      """json
      {
        "id": "guide", "name": "Guide",
        "traits": {
          "openness": 50, "conscientiousness": 50, "extraversion": 50, "agreeableness": 50, "neuroticism": 50,
          "formality": 50, "humor": 50, "assertiveness": 50, "empathy": 50, "storytelling": 50, "brevity": 50,
          "imagination": 50, "playfulness": 50, "dramaticism": 50, "analyticalDepth": 50, "contrarianism": 50,
          "encouragement": 50, "curiosity": 50, "patience": 50, "<trait>": <value>
        }
      }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value           |
      | /field   | /traits/<trait> |
      | /message | <message>       |

    Examples:
      | trait         | value | message                                |
      | openness      | -1    | -1 is less than the minimum of 0       |
      | neuroticism   | 101   | 101 is greater than the maximum of 100 |
      | formality     | 100.5 | 100.5 is greater than the maximum of 100 |
      | contrarianism | "50"  | "50" is not of type "number"           |
      | creativity    | 101   | 101 is greater than the maximum of 100 |

  @configuration-1
  Scenario: A personality has all nineteen traits
    When "PersonalityService.validatePersonalityConfiguration" is called with:
      """json
      { "id": "guide", "name": "Guide", "traits": {} }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path                      | value                     |
      | /causes/0/field           | /traits/agreeableness     |
      | /causes/18/field          | /traits/storytelling      |
      | /causes/19                |                           |

  @configuration-1
  Scenario Outline: A role is valid with <what>
    When "RoleService.validateRoleCapabilities" is called with:
      """json
      {
        "id": "tester", "name": "Tester", "description": "Tests.", "capabilities": ["testing"],
        <fields>
      }
      """
    Then the reply has:
      | path     | value |
      | /isValid | true  |

    Examples:
      | what                                | fields |
      | a name of 100 characters            | "name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" |
      | a description of 500 characters     | "description": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" |
      | a capability of 100 characters      | "capabilities": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] |
      | a constraint of 200 characters      | "constraints": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] |
      | an advanced complexity              | "metadata": { "complexity": "advanced" } |

  @configuration-1
  Scenario Outline: A role is refused with <what>
    When "RoleService.validateRoleCapabilities" is called with:
      """json
      {
        "id": "tester", "name": "Tester", "description": "Tests.", "capabilities": ["testing"],
        <fields>
      }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path   | value   |
      | /field | <field> |

    Examples:
      | what                                | field                | fields |
      | a name of 101 characters            | /name                | "name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" |
      | no name                             | /name                | "name": "" |
      | a description of 501 characters     | /description         | "description": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" |
      | no capability                       | /capabilities        | "capabilities": [] |
      | a capability of 101 characters      | /capabilities/0      | "capabilities": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] |
      | a constraint of 201 characters      | /constraints/0       | "constraints": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] |
      | an unknown complexity               | /metadata/complexity | "metadata": { "complexity": "expert" } |

  @configuration-1 @configuration-8
  Scenario: A personality and a role that do not exist are refused together, before an agent is created
    When "AgentService.createAgent" is called with:
      """json
      { "name": "Ada", "personalityId": "creative-mentos", "role": "managr", "modelId": "standard-model" }
      """
    Then the call fails with "INVALID_REFERENCE"
    And the failure has:
      | path              | value                                                                         |
      | /causes/0/field   | role                                                                          |
      | /causes/0/message | CustomRole "managr" does not exist: did you mean "manager"?                   |
      | /causes/1/field   | personalityId                                                                 |
      | /causes/1/message | Personality "creative-mentos" does not exist: did you mean "creative-mentor"? |
    And "AgentService" does not hold the entity "ada"
