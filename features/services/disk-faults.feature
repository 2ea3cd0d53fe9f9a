Feature: Disk faults
  A disk can be full, read-only or corrupt, and fail at any stage of a change. Whatever
  happens, the file stays as it was, and no partial file is left behind.

  Background:
    Given the services from "files"
    And the file "ada.json" holds:
      """json
      { "version": 1 }
      """

  @configuration-9
  Scenario Outline: An update that fails at the <stage> leaves the file as it was
    Given the disk fails at "<stage>" with "<code>"
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 2 } }
      """
    Then the call fails with "<code>"
    And it takes 90 ms
    And the failure has:
      | path       | value                        |
      | /message   | the disk fails at the <stage> |
      | /field     | path                         |
      | /mode      | <mode>                       |
      | /operation | updateFile                   |
    And the file "ada.json" contains:
      """json
      { "version": 1 }
      """
    And the files are:
      | ada.json |
    And no file is left behind
    And nothing has an effect
    When "FileService.getMetadata" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the reply has:
      | path       | value |
      | /version   | 1     |
      | /backups/0 |       |

    Examples:
      | stage      | code                | mode             |
      | staging    | ENOSPC              | system_disk      |
      | staging    | EACCES              | user_permission  |
      | validation | VALIDATION_FAILED   | agent_validation |
      | validation | CORRUPTION_DETECTED | agent_contract   |
      | commit     | EPERM               | user_permission  |
      | commit     | ETIMEDOUT           | system_timeout   |

  @configuration-9
  Scenario Outline: A create that fails at the <stage> leaves no file and no folder
    Given the disk fails at "<stage>" with "ENOSPC"
    When "FileService.createFile" is called with:
      """json
      { "path": "agents/new/bob.json", "content": { "version": 1 } }
      """
    Then the call fails with "ENOSPC"
    And the file "agents/new/bob.json" does not exist
    And the files are:
      | ada.json |
    And no file is left behind

    Examples:
      | stage      |
      | staging    |
      | validation |
      | commit     |

  @configuration-9
  Scenario: Deleting and setting permissions only pass the commit stage
    Given the disk fails at "commit" with "EPERM"
    When "FileService.deleteFile" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the call fails with "EPERM"
    When "FileService.setPermissions" is called with:
      """json
      { "path": "ada.json", "permissions": "0600" }
      """
    Then the call fails with "EPERM"
    And the files are:
      | ada.json |
    When "FileService.getMetadata" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the reply has:
      | path         | value  |
      | /permissions | "0644" |

  @configuration-9
  Scenario Outline: A fault at the <stage> stage affects writing, but not deleting
    Given the disk fails at "<stage>" with "<code>"
    When "FileService.deleteFile" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the call succeeds
    When "FileService.createFile" is called with:
      """json
      { "path": "grace.json", "content": {} }
      """
    Then the call fails with "<code>"
    And the file "grace.json" does not exist

    Examples:
      | stage      | code                |
      | staging    | ENOSPC              |
      | validation | CORRUPTION_DETECTED |

  @configuration-9
  Scenario: Retries outlast a temporarily full disk
    Given the disk fails 2 times at "staging" with "ETIMEDOUT"
    And every call is retried up to 2 times
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 2 } }
      """
    Then the call succeeds
    And "FileService.updateFile" is executed 3 times
    And no effect happens twice
    And the reply has:
      | path     | value |
      | /version | 2     |
    And the files are:
      | ada.json          |
      | ada.json.backup.1 |
    And the timeline has, in order:
      | at     | event          | call                   | fault                                              | result    |
      | 90 ms  | fault_injected | FileService.updateFile | the disk fails 2 time(s) at staging with ETIMEDOUT |           |
      | 90 ms  | call_ended     | FileService.updateFile |                                                    | ETIMEDOUT |
      | 280 ms | fault_injected | FileService.updateFile | the disk fails 2 time(s) at staging with ETIMEDOUT |           |
      | 570 ms | call_ended     | FileService.updateFile |                                                    | ok        |

  @configuration-9 @needs-json-schema
  Scenario: Content that violates its schema is never committed
    When "FileService.updateFile" is called with:
      """json
      {
        "path": "ada.json",
        "content": { "version": "two" },
        "validateContent": {
          "required": ["id"],
          "properties": { "version": { "type": "integer" } }
        }
      }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value                                                                                                                                                              |
      | /field   | /content/id                                                                                                                                                        |
      | /message | the content does not match its schema\n  at /content/id: is required\n  at /content/version: "two" is not of type "integer" |
    When "FileService.createFile" is called with:
      """json
      { "path": "bob.json", "content": "{ \"version\": ", "validateContent": true }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path   | value   |
      | /field | content |
    And the files are:
      | ada.json |
    And the file "ada.json" contains:
      """json
      { "version": 1 }
      """
    And no file is left behind

  @configuration-9
  Scenario: A corrupted file is restored once the disk works again
    Given the disk fails 1 time at "commit" with "EACCES"
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 2 } }
      """
    Then the call fails with "EACCES"
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 2 } }
      """
    And the file "ada.json" is corrupted on disk
    And "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.json", "restore": true }
      """
    Then the reply has:
      | path      | value |
      | /restored | true  |
    And the file "ada.json" contains:
      """json
      { "version": 1 }
      """
    And no file is left behind

  @orchestration-3
  Scenario: A disk failure in the last step of a workflow leaves nothing behind
    Given a service "AgentService"
    And the workflow:
      """json
      {
        "id": "publishAgent",
        "steps": [
          {
            "id": "draft", "service": "FileService", "operation": "createFile",
            "input": { "path": "agents/bob.json", "content": { "id": "bob" } },
            "compensation": "FileService.deleteFile"
          },
          { "id": "create", "service": "AgentService", "operation": "create", "compensation": "AgentService.delete" },
          {
            "id": "publish", "service": "FileService", "operation": "createFile",
            "input": { "path": "published/bob.json", "content": { "id": "bob" }, "validateContent": true },
            "compensation": "FileService.deleteFile", "partiallyEffective": true
          }
        ]
      }
      """
    And the disk fails at "validation" with "CORRUPTION_DETECTED"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "CORRUPTION_DETECTED" from "FileService.createFile"
    And the files are:
      | ada.json |
    And no file is left behind

  @orchestration-3
  Scenario: A disk failure late in a workflow undoes the earlier steps
    Given a service "AgentService"
    And the workflow:
      """json
      {
        "id": "publishAgent",
        "steps": [
          {
            "id": "draft", "service": "FileService", "operation": "createFile",
            "input": { "path": "agents/bob.json", "content": { "id": "bob" } },
            "compensation": "FileService.deleteFile"
          },
          { "id": "create", "service": "AgentService", "operation": "create", "compensation": "AgentService.delete" },
          {
            "id": "drop", "service": "FileService", "operation": "deleteFile", "input": { "path": "ada.json" },
            "compensation": "FileService.restoreFile"
          },
          {
            "id": "publish", "service": "FileService", "operation": "setPermissions",
            "input": { "path": "agents/bob.json", "permissions": "0600" }
          }
        ]
      }
      """
    And "FileService.setPermissions" fails with "EPERM"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | FileService.restoreFile |
      | AgentService.delete     |
      | FileService.deleteFile  |
    And no effect remains
    And no file is left behind
    And the files are:
      | ada.json |
    And the file "ada.json" contains:
      """json
      { "version": 1 }
      """
