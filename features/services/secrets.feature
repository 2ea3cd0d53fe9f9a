Feature: Secrets
  A timeline is read by many people and stored in snapshots, so secrets never
  appear in it, wherever they come from.

  @configuration-14
  Scenario: Secrets of a direct call are redacted
    Given a service "Vault"
    And "Vault.open" replies:
      """json
      { "session": { "accessToken": "t-1234", "expiresIn": "1 h" }, "maxTokens": 5 }
      """
    When "Vault.open" is called with:
      """json
      { "user": "ada", "password": "open sesame", "keys": [{ "apiKey": "k-5678" }] }
      """
    Then no secret is visible
    And the reply has:
      | path                 | value  |
      | /session/accessToken | t-1234 |
    And the timeline has, in order:
      | event        | input                                                                              | reply                                                                            |
      | call_started | {"user": "ada", "password": "[redacted]", "keys": [{"apiKey": "[redacted]"}]}       |                                                                                  |
      | call_ended   |                                                                                    | {"session": {"accessToken": "[redacted]", "expiresIn": "1 h"}, "maxTokens": 5}   |

  @configuration-14
  Scenario: Secrets of a workflow are redacted from its steps to its outcome
    Given a service "Vault"
    And a service "Deployer"
    And "Vault.open" replies:
      """json
      { "id": "session-1", "accessToken": "t-1234" }
      """
    And "Deployer.deploy" fails with "ACCESS_REVOKED"
    And the workflow:
      """json
      {
        "id": "deployment",
        "steps": [
          {
            "id": "open", "service": "Vault", "operation": "open",
            "input": { "credentials": "${/input/credentials}" },
            "compensation": "close"
          },
          {
            "id": "deploy", "service": "Deployer", "operation": "deploy",
            "input": { "token": "${/open/accessToken}", "target": "production" }
          }
        ]
      }
      """
    When the workflow runs with:
      """json
      { "credentials": { "user": "ada", "password": "open sesame" }, "clientSecret": "s-9" }
      """
    Then the workflow is rolled back
    And no secret is visible
    And the outcome has:
      | path                    | value      |
      | /data/open/id           | session-1  |
      | /data/open/accessToken  | [redacted] |
      | /data/input/credentials | [redacted] |
      | /data/input/clientSecret | [redacted] |
    And the timeline has, in order:
      | event        | call            | input                                                                                                  |
      | call_started | Vault.open      | {"credentials": "[redacted]"}                                                                          |
      | call_started | Deployer.deploy | {"token": "[redacted]", "target": "production"}                                                        |
      | call_started | Vault.close     | {"input": {"credentials": "[redacted]"}, "reply": {"id": "session-1", "accessToken": "[redacted]"}}    |
