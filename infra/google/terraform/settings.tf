# What the functions are told of where they stand. Names are those of docs/settings.md; an unknown one would keep a
# function from starting, so it is refused here already. Secrets are in none: the functions fetch them (secrets.tf).

locals {
  documented = toset([for found in regexall("(?m)^\\| `LOCKSTEP_([A-Z_]+)`", file("${local.root}/docs/settings.md")) : found[0]])

  # What this deployment decides.
  decided = {
    GROUND             = "google"
    SERVICES           = "google"
    STORE              = "firestore"
    QUEUE              = "cloudtasks"
    PROJECT            = var.project
    REGION             = var.region
    TASK_QUEUE         = local.queue_name
    TASK_QUEUES        = var.task_queues
    TASK_DEADLINE      = "600"
    PUBLIC_URL         = local.base_url
    CREDENTIALS        = var.credentials
    DELEGATION_ACCOUNT = local.delegated ? "${local.delegate}@${var.project}.iam.gserviceaccount.com" : ""
    JANUS              = "off"
    STATE              = "/tmp/lockstep" # the only folder of a function that can be written
  }

  wished = { for name, value in var.settings : upper(name) => value }

  environment = { for name, value in merge(local.wished, local.decided) : "LOCKSTEP_${name}" => value }
}

resource "terraform_data" "settings" {
  input = keys(local.environment)

  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(local.wished), local.documented)) == 0
      error_message = "There are no such settings: ${join(", ", setsubtract(keys(local.wished), local.documented))}."
    }

    precondition {
      condition     = length(setintersection(keys(local.wished), keys(local.decided))) == 0
      error_message = "The deployment decides these by itself: ${join(", ", setintersection(keys(local.wished), keys(local.decided)))}."
    }
  }
}
