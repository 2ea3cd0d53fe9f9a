Feature: Files
  A file service writes a file completely or not at all, keeps backups of what was there
  before, and can undo its changes.

  Background:
    Given the services from "files"

  @configuration-9
  Scenario: A file is written as it was given
    When "FileService.createFile" is called with:
      """json
      { "path": "agents/ada.json", "content": { "id": "ada", "traits": [1, 2] } }
      """
    Then it takes 75 ms
    And the reply is:
      """json
      {
        "success": true,
        "path": "agents/ada.json",
        "operation": "create",
        "timestamp": "2025-01-01T00:00:00.075Z",
        "backupCreated": false,
        "checksum": "1c8c1dea20f54031b9080fac01f302ff41f4773fedccdbb39c20d7c8022ce6fc",
        "version": 1,
        "size": 50
      }
      """
    And the file "agents/ada.json" contains:
      """
      {
        "id": "ada",
        "traits": [
          1,
          2
        ]
      }
      """
    And the file "agents/ada.json" contains:
      """json
      { "traits": [1, 2], "id": "ada" }
      """
    And the files are:
      | agents/ada.json |
    And no file is left behind

  @configuration-9
  Scenario: Content is read in the form in which it was written
    Given the file "notes/of the day.v1.txt" holds:
      """
      Grüße
      """
    And the file "notes/tags.json" holds:
      """json
      ["a", "b"]
      """
    When "FileService.readFile" is called with:
      """json
      { "path": "notes/of the day.v1.txt" }
      """
    Then the reply has:
      | path     | value       |
      | /content | "Grüße\\n" |
      | /version | 1           |
      | /size    | 8           |
    When "FileService.readFile" is called with:
      """json
      { "path": "./notes//tags.json" }
      """
    Then the reply has:
      | path     | value           |
      | /path    | notes/tags.json |
      | /content | ["a", "b"]      |
    When "FileService.listFiles" is called
    Then the reply is:
      """json
      { "count": 2, "files": ["notes/of the day.v1.txt", "notes/tags.json"] }
      """
    When "FileService.exists" is called with:
      """json
      { "path": "notes/tags.txt" }
      """
    Then the reply is:
      """json
      { "path": "notes/tags.txt", "exists": false }
      """
    And nothing has an effect

  @configuration-2
  Scenario: An update backs up the former content
    Given the file "ada.json" holds:
      """json
      { "version": 1 }
      """
    When 1 h passes
    And "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 2 }, "version": 1 }
      """
    Then it takes 90 ms
    And the reply has:
      | path           | value |
      | /operation     | update |
      | /backupCreated | true  |
      | /version       | 2     |
    And the file "ada.json.backup.1" contains:
      """json
      { "version": 1 }
      """
    And the files are:
      | ada.json          |
      | ada.json.backup.1 |
    When "FileService.getMetadata" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the reply has:
      | path                     | value                    |
      | /createdAt               | 2025-01-01T00:00:00Z     |
      | /modifiedAt              | 2025-01-01T01:00:00.09Z  |
      | /permissions             | "0644"                   |
      | /version                 | 2                        |
      | /size                    | 19                       |
      | /backups/0/id            | ada.json.backup.1        |
      | /backups/0/filePath      | ada.json                 |
      | /backups/0/version       | 1                        |
      | /backups/0/reason        | update                   |
      | /backups/0/retentionDays | 30                       |
      | /backups/1               |                          |

  @configuration-6
  Scenario: An update based on another version fails with the current one
    Given the file "ada.json" holds:
      """json
      { "version": 1 }
      """
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 2 }, "version": 1 }
      """
    And "FileService.updateFile" is called with:
      """json
      { "path": "ada.json", "content": { "version": 3 }, "version": 1 }
      """
    Then the call fails with "CONCURRENT_MODIFICATION"
    And the failure has:
      | path     | value                                                    |
      | /field   | path                                                     |
      | /message | the file "ada.json" is at version 2, expected version 1  |
    And the file "ada.json" contains:
      """json
      { "version": 2 }
      """
    And no file is left behind

  @configuration-9
  Scenario Outline: <call> of a file that <is> is refused
    Given the file "there.json" holds:
      """json
      {}
      """
    When "FileService.<call>" is called with:
      """json
      <input>
      """
    Then the call fails with "<code>"
    And the failure has:
      | path   | value |
      | /field | path  |
    And nothing has an effect
    And the files are:
      | there.json |

    Examples:
      | call                  | is      | input                                           | code                |
      | createFile            | exists  | {"path": "there.json", "content": 1}            | FILE_ALREADY_EXISTS |
      | updateFile            | is gone | {"path": "three.json", "content": 1}            | FILE_NOT_FOUND      |
      | deleteFile            | is gone | {"path": "three.json"}                          | FILE_NOT_FOUND      |
      | readFile              | is gone | {"path": "three.json"}                          | FILE_NOT_FOUND      |
      | getMetadata           | is gone | {"path": "three.json"}                          | FILE_NOT_FOUND      |
      | setPermissions        | is gone | {"path": "three.json", "permissions": "0600"}   | FILE_NOT_FOUND      |
      | validateFileIntegrity | is gone | {"path": "three.json", "restore": true}         | FILE_NOT_FOUND      |
      | restoreFile           | is gone | {"path": "three.json"}                          | FILE_NOT_FOUND      |

  @configuration-9
  Scenario: A missing file is reported with the nearest existing one
    Given the file "agents/ada.json" holds:
      """json
      {}
      """
    When "FileService.readFile" is called with:
      """json
      { "path": "agents/adda.json" }
      """
    Then the failure has:
      | path     | value                                                                              |
      | /message | the file "agents/adda.json" does not exist: did you mean "agents/ada.json"? |

  @configuration-9
  Scenario: An input with an unknown field is refused
    When "FileService.createFile" is called with:
      """json
      { "path": "a.json", "content": 1, "overwriteExisiting": true }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path   | value              |
      | /field | overwriteExisiting |
    When "FileService.setPermissions" is called with:
      """json
      { "path": "a.json", "permissions": "rw-r--r--" }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path   | value       |
      | /field | permissions |
    And nothing has an effect

  @configuration-9
  Scenario: A create replaces a file only if told to overwrite
    Given the file "ada.json" holds:
      """json
      { "version": 1 }
      """
    When "FileService.createFile" is called with:
      """json
      { "path": "ada.json", "content": "plain", "overwriteExisting": true, "createBackup": false }
      """
    Then the reply has:
      | path           | value  |
      | /operation     | create |
      | /backupCreated | false  |
      | /version       | 2      |
    And the file "ada.json" contains:
      """
      plain
      """
    And the files are:
      | ada.json |

  @configuration-9
  Scenario: Permissions are set and kept
    When "FileService.createFile" is called with:
      """json
      { "path": "key.pem", "content": "x", "permissions": "0600" }
      """
    And "FileService.updateFile" is called with:
      """json
      { "path": "key.pem", "content": "y" }
      """
    And "FileService.getMetadata" is called with:
      """json
      { "path": "key.pem" }
      """
    Then the reply has:
      | path         | value  |
      | /permissions | "0600" |
      | /version     | 2      |
    When "FileService.setPermissions" is called with:
      """json
      { "path": "key.pem", "permissions": "0640" }
      """
    Then the reply has:
      | path         | value  |
      | /permissions | "0640" |
      | /version     | 2      |

  @configuration-9
  Scenario: A former version is restored, also of a deleted file
    Given the file "ada.txt" holds:
      """
      one
      """
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "two" }
      """
    And "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "three" }
      """
    And "FileService.restoreFile" is called with:
      """json
      { "path": "ada.txt", "version": 1 }
      """
    Then the reply has:
      | path             | value            |
      | /version         | 4                |
      | /restoredVersion | 1                |
      | /restoredFrom    | ada.txt.backup.1 |
    And the file "ada.txt" contains:
      """
      one
      """
    When "FileService.deleteFile" is called with:
      """json
      { "path": "ada.txt" }
      """
    Then the file "ada.txt" does not exist
    And the reply has:
      | path           | value |
      | /backupCreated | true  |
    When "FileService.restoreFile" is called with:
      """json
      { "path": "ada.txt", "version": 2 }
      """
    Then the file "ada.txt" contains:
      """
      two
      """
    When "FileService.restoreFile" is called with:
      """json
      { "path": "ada.txt", "version": 9 }
      """
    Then the call fails with "BACKUP_NOT_FOUND"
    When "FileService.deleteFile" is called with:
      """json
      { "path": "ada.txt", "removeBackups": true }
      """
    Then the file "ada.txt" does not exist
    And the file "ada.txt.backup.1" does not exist
    And no file is left behind

  @configuration-9
  Scenario: Backups are removed when their retention ends
    Given the file "ada.txt" holds:
      """
      one
      """
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "two" }
      """
    And 719 h pass
    And "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "three" }
      """
    Then the files are:
      | ada.txt          |
      | ada.txt.backup.1 |
      | ada.txt.backup.2 |
    When 1 h passes
    And "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "four" }
      """
    Then the files are:
      | ada.txt          |
      | ada.txt.backup.2 |
      | ada.txt.backup.3 |

  @configuration-9
  Scenario: A service without versions keeps only the newest backup
    Given a service "Notes"
      """json
      {
        "files": {},
        "operations": {
          "write": { "kind": "create", "reply": { "size": 0, "owner": "ada" } },
          "drop": { "kind": "delete" }
        }
      }
      """
    And the file "a.txt" holds:
      """
      one
      """
    When "Notes.write" is called with:
      """json
      { "path": "a.txt", "content": "two", "overwriteExisting": true }
      """
    And "Notes.write" is called with:
      """json
      { "path": "a.txt", "content": "three", "overwriteExisting": true }
      """
    Then the reply has:
      | path   | value |
      | /owner | ada   |
      | /size  | 5     |
    And the files are:
      | a.txt          |
      | a.txt.backup.2 |
    And the file "a.txt.backup.2" contains:
      """
      two
      """

  @configuration-9
  Scenario: A file changed outside of its service is detected
    Given the file "ada.txt" holds:
      """
      one
      """
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "two" }
      """
    And "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.txt" }
      """
    Then the reply has:
      | path     | value |
      | /isValid | true  |
    When the file "ada.txt" is corrupted on disk
    And "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.txt" }
      """
    Then the call fails with "CORRUPTION_DETECTED"
    When "FileService.readFile" is called with:
      """json
      { "path": "ada.txt" }
      """
    Then the call fails with "CORRUPTION_DETECTED"
    When "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.txt", "restore": true }
      """
    Then the reply has:
      | path             | value            |
      | /isValid         | true             |
      | /restored        | true             |
      | /restoredVersion | 1                |
      | /restoredFrom    | ada.txt.backup.1 |
      | /version         | 3                |
    And the file "ada.txt" contains:
      """
      one
      """
    When "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.txt", "restore": true }
      """
    Then the reply has:
      | path      | value |
      | /restored | false |
      | /version  | 3     |

  @configuration-9
  Scenario: A corrupt file without an intact backup is reported as lost
    Given the file "ada.txt" holds:
      """
      one
      """
    And the file "ada.txt" is corrupted on disk
    When "FileService.updateFile" is called with:
      """json
      { "path": "ada.txt", "content": "two" }
      """
    And the file "ada.txt" is corrupted on disk
    And "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.txt", "restore": true }
      """
    Then the call fails with "CORRUPTION_DETECTED"
    When "FileService.restoreFile" is called with:
      """json
      { "path": "ada.txt" }
      """
    Then the call fails with "CORRUPTION_DETECTED"

  @configuration-10
  Scenario: One of eight concurrent creates wins, and its file is complete
    When these calls are made at once:
      | call                   | input                                     |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 1}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 2}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 3}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 4}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 5}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 6}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 7}} |
      | FileService.createFile | {"path": "ada.json", "content": {"by": 8}} |
    Then 1 call succeeds
    And 7 calls fail with "FILE_ALREADY_EXISTS"
    And it takes 75 ms
    And the file "ada.json" contains:
      """json
      { "by": 1 }
      """
    And the files are:
      | ada.json |
    And no file is left behind

  @configuration-10
  Scenario: Eight concurrent updates each write a complete file
    Given the file "ada.json" holds:
      """json
      { "by": 0 }
      """
    When these calls are made at once:
      | call                   | input                                                       |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 1}, "version": 1} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 2}}                  |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 3}, "version": 1} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 4}}                  |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 5}}                  |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 6}}                  |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 7}}                  |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 8}}                  |
    Then 7 calls succeed
    And 1 call fails with "CONCURRENT_MODIFICATION"
    And the file "ada.json" contains:
      """json
      { "by": 8 }
      """
    And the file "ada.json.backup.7" contains:
      """json
      { "by": 7 }
      """
    When "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the reply has:
      | path     | value |
      | /version | 8     |
    And no file is left behind

  @configuration-9 @configuration-10
  Scenario Outline: Of eight concurrent writers one meets a disk that fails at the <stage>, and the file is another's
    Given the file "ada.json" holds:
      """json
      { "by": 0 }
      """
    And the disk fails 1 time at "<stage>" with "<code>"
    When these calls are made at once:
      | call                   | input                                       |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 1}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 2}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 3}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 4}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 5}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 6}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 7}} |
      | FileService.updateFile | {"path": "ada.json", "content": {"by": 8}} |
    Then 7 calls succeed
    And 1 call fails with "<code>"
    And the file "ada.json" contains:
      """json
      { "by": 8 }
      """
    And the file "ada.json.backup.7" contains:
      """json
      { "by": 7 }
      """
    When "FileService.readFile" is called with:
      """json
      { "path": "ada.json" }
      """
    Then the reply has:
      | path     | value |
      | /version | 8     |
    And no file is left behind

    Examples:
      | stage      | code                |
      | staging    | ENOSPC              |
      | validation | CORRUPTION_DETECTED |
      | commit     | EACCES              |

  @configuration-2
  Scenario: A definition has files that exist from the start
    Given a service "Archive"
      """json
      {
        "files": { "existing": { "notes/first.json": { "pages": 1 }, "readme.txt": "Read me." } },
        "operations": {
          "read": { "kind": "get" },
          "change": { "kind": "update" }
        }
      }
      """
    And the disk fails 1 time at "staging" with "ENOSPC"
    Then the files are:
      | notes/first.json |
      | readme.txt       |
    And the file "readme.txt" contains:
      """
      Read me.
      """
    When 1 h passes
    And "Archive.read" is called with:
      """json
      { "path": "notes/first.json" }
      """
    Then the reply has:
      | path     | value        |
      | /content | {"pages": 1} |
      | /version | 1            |
    When "Archive.change" is called with:
      """json
      { "path": "notes/first.json", "content": { "pages": 2 }, "version": 1 }
      """
    Then the call fails with "ENOSPC"
    When "Archive.change" is called with:
      """json
      { "path": "notes/first.json", "content": { "pages": 2 }, "version": 1 }
      """
    Then the call succeeds
    And the files are:
      | notes/first.json          |
      | notes/first.json.backup.1 |
      | readme.txt                |
