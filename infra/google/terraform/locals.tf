# What is reckoned from the code before anything is made. It refers to no resource.
#
# The deployed functions: what main.py defines, each with what it may touch.
#
# caller      who may call it: anyone (a secret, a signature or a token inside the request decides then), tasks, scheduler
# tasks       it adds tasks
# calendar    it speaks to Google Calendar as a user: opens and seals credentials, knows the OAuth client
# meetings    it speaks to conference providers: their token, and the secret of our meetings' keys
# webhooks    it verifies providers' signatures
# timeout     seconds; what holds a feed or a row must be over before another may take it (90, setting lease)
# concurrent  requests that one instance answers side by side, each in a thread

locals {
  declared = {
    calendar_notification = { caller = "anyone", tasks = true, calendar = false, meetings = false, webhooks = false, timeout = 30, concurrent = 16 }
    provider_webhook      = { caller = "anyone", tasks = true, calendar = false, meetings = false, webhooks = true, timeout = 30, concurrent = 16 }
    addon                 = { caller = "anyone", tasks = true, calendar = true, meetings = true, webhooks = false, timeout = 60, concurrent = 8 }
    consent               = { caller = "anyone", tasks = true, calendar = true, meetings = false, webhooks = false, timeout = 60, concurrent = 8 }
    sync_calendar         = { caller = "tasks", tasks = true, calendar = true, meetings = true, webhooks = false, timeout = 80, concurrent = 1 }
    reconcile_event       = { caller = "tasks", tasks = true, calendar = true, meetings = true, webhooks = false, timeout = 80, concurrent = 1 }
    patch_event           = { caller = "tasks", tasks = true, calendar = true, meetings = false, webhooks = false, timeout = 80, concurrent = 1 }
    connect_calendar      = { caller = "tasks", tasks = true, calendar = true, meetings = true, webhooks = false, timeout = 80, concurrent = 1 }
    run_trigger           = { caller = "tasks", tasks = true, calendar = true, meetings = false, webhooks = false, timeout = 540, concurrent = 1 }
    tick                  = { caller = "scheduler", tasks = true, calendar = true, meetings = true, webhooks = false, timeout = 300, concurrent = 1 }
  }

  root    = "${path.module}/../../.."
  defined = toset([for found in regexall("(?m)^def ([a-z_]+)\\(request\\b", file("${local.root}/main.py")) : found[0]])

  # One that is declared here before main.py has it waits until it does.
  functions = { for name, function in local.declared : name => function if contains(local.defined, name) }

  base_url = "https://${var.region}-${var.project}.cloudfunctions.net"

  queue_name = "lockstep"

  # Whether a Workspace's administrator lets one account act for all its users, and which.
  delegated = var.credentials == "delegation"
  delegate  = "lockstep-delegate"

  called = [for name, function in local.declared : name if function.caller == "tasks"]

  queue_kinds = merge(
    { (local.queue_name) = "" },
    { for kind in setunion(local.called, var.providers_called) : "${local.queue_name}-${replace(kind, "_", "-")}" => kind },
  )

  listed = jsondecode(file("${path.module}/../firestore_indexes.json"))

  # Who may read which secret.
  secrets = {
    oauth-client  = [for name, function in local.functions : name if function.calendar]
    meeting-keys  = [for name, function in local.functions : name if function.meetings]
    http-token    = [for name, function in local.functions : name if function.meetings]
    http-webhooks = [for name, function in local.functions : name if function.webhooks]
  }
}
