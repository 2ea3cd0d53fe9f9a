Feature: Files in workflows
  When a workflow is rolled back, the files it created are removed and those it changed
  are restored. What others have changed since is not overwritten.

  Background:
    Given the services from "files"
    And a service "AgentService"
    And the file "ada.txt" holds:
      """
      one
      """
    And the file "bob.txt" holds:
      """
      bob
      """

  @configuration-3 @orchestration-3
  Scenario: Created files are removed, changed and deleted ones restored
    Given the workflow:
      """json
      {
        "id": "move",
        "steps": [
          {
            "id": "create", "service": "FileService", "operation": "createFile",
            "input": { "path": "new/folder/eve.txt", "content": "eve" }, "compensation": "FileService.deleteFile"
          },
          {
            "id": "update", "service": "FileService", "operation": "updateFile",
            "input": { "path": "ada.txt", "content": "two", "permissions": "0600" }, "compensation": "FileService.restoreFile"
          },
          {
            "id": "again", "service": "FileService", "operation": "updateFile",
            "input": { "path": "ada.txt", "content": "three", "version": 2 }, "compensation": "FileService.restoreFile"
          },
          {
            "id": "permit", "service": "FileService", "operation": "setPermissions",
            "input": { "path": "ada.txt", "permissions": "0444" }, "compensation": "FileService.setPermissions"
          },
          {
            "id": "delete", "service": "FileService", "operation": "deleteFile",
            "input": { "path": "bob.txt" }, "compensation": "FileService.restoreFile"
          },
          { "id": "tell", "service": "AgentService", "operation": "tell" }
        ]
      }
      """
    And "AgentService.tell" fails with "TOOL_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And no effect remains
    And no effect happens twice
    And no file is left behind
    And the files are:
      | ada.txt |
      | bob.txt |
    And the file "ada.txt" contains:
      """
      one
      """
    And the file "bob.txt" contains:
      """
      bob
      """
    And the outcome has:
      | path                      | value  |
      | /data/again/version       | 3      |
      | /data/permit/permissions  | "0444" |
      | /data/delete/operation    | delete |
    When "FileService.getMetadata" is called with:
      """json
      { "path": "ada.txt" }
      """
    Then the reply has:
      | path         | value  |
      | /version     | 1      |
      | /permissions | "0644" |
      | /backups/0   |        |

  @configuration-6
  Scenario: An undo keeps what others changed since
    Given the workflow:
      """json
      {
        "id": "edit",
        "steps": [
          {
            "id": "update", "service": "FileService", "operation": "updateFile",
            "input": { "path": "ada.txt", "content": "two" }, "compensation": "FileService.restoreFile"
          },
          { "id": "tell", "service": "AgentService", "operation": "tell" }
        ]
      }
      """
    And "AgentService.tell" takes 1 s
    And "AgentService.tell" fails with "TOOL_ERROR"
    When the workflow starts
    And 500 ms pass
    And "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "three" }
      """
    And the workflow ends
    Then the workflow fails with "TOOL_ERROR"
    And the outcome has:
      | path                           | value                                                                 |
      | /compensations/0/error/code    | CONCURRENT_MODIFICATION                                               |
      | /compensations/0/error/message | ada.txt was changed by someone else since its update, and is at version 3 |
    And the file "ada.txt" contains:
      """
      three
      """
    And the files are:
      | ada.txt          |
      | ada.txt.backup.1 |
      | ada.txt.backup.2 |
      | bob.txt          |

  @orchestration-12
  Scenario: A write that arrives after its undo has no effect
    Given the workflow:
      """json
      {
        "id": "write",
        "steps": [
          {
            "id": "create", "service": "FileService", "operation": "createFile", "timeout": "2s",
            "input": { "path": "eve.txt", "content": "eve" }, "compensation": "FileService.deleteFile"
          }
        ]
      }
      """
    And "FileService.createFile" answers:
      | execution | answer   |
      | 1         | late 3 s |
    When the workflow runs
    Then the workflow is rolled back
    And the outcome has:
      | path                  | value           |
      | /compensations/0/call | FileService.deleteFile |
    When 5 s pass
    And "FileService.deleteFile" is called with:
      """json
      { "path": "bob.txt" }
      """
    Then the file "eve.txt" does not exist
    And no file is left behind

  @orchestration-12
  Scenario: A retry finds the late file and does not write it again
    Given the workflow:
      """json
      {
        "id": "write",
        "steps": [
          {
            "id": "update", "service": "FileService", "operation": "updateFile", "timeout": "2s", "retry": { "maxRetries": 1 },
            "input": { "path": "ada.txt", "content": "two" }, "compensation": "FileService.restoreFile"
          }
        ]
      }
      """
    And "FileService.updateFile" answers:
      | execution | answer      |
      | 1         | late 50 ms  |
    When the workflow runs
    Then the workflow completes
    And no effect happens twice
    And the outcome has:
      | path                 | value                  |
      | /data/update/version | 2                      |
      | /data/update/timestamp | 2025-01-01T00:00:02.05Z |
    And the files are:
      | ada.txt          |
      | ada.txt.backup.1 |
      | bob.txt          |

  @orchestration-13 @needs-sqlite
  Scenario: A crash between the write and its record does not write twice
    Given the workflow:
      """json
      {
        "id": "write",
        "steps": [
          {
            "id": "update", "service": "FileService", "operation": "updateFile",
            "input": { "path": "ada.txt", "content": "two" }
          }
        ]
      }
      """
    And the journal is kept in a file
    And the orchestrator crashes during step "update"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow completes
    And no effect happens twice
    And the files are:
      | ada.txt          |
      | ada.txt.backup.1 |
      | bob.txt          |

  Scenario: A file operation undoes another service's call
    Given the workflow:
      """json
      {
        "id": "register",
        "steps": [
          {
            "id": "register", "service": "AgentService", "operation": "register",
            "input": { "path": "bob.txt" }, "compensation": "FileService.deleteFile"
          },
          { "id": "tell", "service": "AgentService", "operation": "tell" }
        ]
      }
      """
    And "AgentService.tell" fails with "TOOL_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And no effect remains
    And the file "bob.txt" does not exist
