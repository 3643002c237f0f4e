variable "project" {
  description = "The Google Cloud project's id. Lockstep should have it for itself."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "It must be a project id, such as acme-lockstep."
  }
}

variable "region" {
  description = "The region of everything: functions, queues, scheduler, database, keys and secrets."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "It must be a region, such as europe-west6."
  }
}

variable "source_archive" {
  description = "The zip of the functions' source, as make deploy builds it."
  type        = string
}

variable "runtime" {
  description = "The functions' Python."
  type        = string
  default     = "python313"

  validation {
    condition     = can(regex("^python3(1[1-9]|[2-9][0-9])$", var.runtime))
    error_message = "Lockstep needs python311 or newer."
  }
}

variable "settings" {
  description = "Further settings of docs/settings.md, by their names without LOCKSTEP_: { scripts = \"hooks\", log = \"debug\" }. No secrets."
  type        = map(string)
  default     = {}
}

variable "credentials" {
  description = "How Lockstep may act for users: each consents (consent), or their Workspace's administrator allows it for all (delegation)."
  type        = string
  default     = "consent"

  validation {
    condition     = contains(["consent", "delegation"], var.credentials)
    error_message = "It must be consent or delegation."
  }
}

variable "task_queues" {
  description = "Which queues are used: one for all tasks, one for each function that they call, or one for each provider."
  type        = string
  default     = "function"

  validation {
    condition     = contains(["one", "function", "provider"], var.task_queues)
    error_message = "It must be one, function or provider."
  }
}

variable "providers_called" {
  description = "The conference providers by name; each gets a queue, and may have a rate of its own in queue_rates."
  type        = set(string)
  default     = ["http"]

  validation {
    condition     = alltrue([for name in var.providers_called : can(regex("^[a-z][a-z0-9_]{0,40}$", name))])
    error_message = "A provider's name is lower-case letters, digits and underscores."
  }
}

variable "queue_rates" {
  description = "Slower queues, by the kind of their tasks (a function's or a provider's name): tasks a second, and at once."
  type        = map(object({ per_second = number, concurrent = number }))
  default     = {}

  validation {
    condition = alltrue([
      for rate in values(var.queue_rates) :
      rate.per_second > 0 && rate.per_second <= 500 && rate.concurrent >= 1 && rate.concurrent <= 5000
    ])
    error_message = "Cloud Tasks calls at most 500 times a second and 5000 at once."
  }
}

variable "most_instances" {
  description = "How many instances each function may have: what a flood can cost at most."
  type        = number
  default     = 20

  validation {
    condition     = var.most_instances >= 1 && floor(var.most_instances) == var.most_instances
    error_message = "It must be a whole number from 1."
  }
}

variable "warm_notices" {
  description = "Instances of calendar_notification that are kept warm: 0 costs nothing, 1 spares the first notice a cold start."
  type        = number
  default     = 0
}

variable "task_ingress" {
  description = "Whence the functions that only Cloud Tasks and Cloud Scheduler may call are reached at all. Their callers' identity is checked in either case."
  type        = string
  default     = "ALLOW_ALL"

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY"], var.task_ingress)
    error_message = "It must be ALLOW_ALL or ALLOW_INTERNAL_ONLY."
  }
}

variable "alert_email" {
  description = "Who is told when something needs a person; empty: alerts are only shown in the console."
  type        = string
  default     = ""
}

variable "slow_after" {
  description = "Seconds: an alert says so when tasks wait longer than this (95th percentile, a quarter of an hour)."
  type        = number
  default     = 60
}

variable "billing_account" {
  description = "The billing account (012345-6789AB-CDEF01) to set a budget on; empty: no budget is set."
  type        = string
  default     = ""
}

variable "budget" {
  description = "What a month may cost, in the billing account's currency, before its administrators are told."
  type        = number
  default     = 50
}
