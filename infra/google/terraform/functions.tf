# The deployed functions of locals.tf, and who may call them.

locals {
  callers = {
    anyone    = "allUsers"
    tasks     = google_service_account.tasks.member
    scheduler = google_service_account.scheduler.member
  }
}

resource "google_cloudfunctions2_function" "each" {
  #checkov:skip=CKV_GCP_124:Push notices, vendors, the add-on's host and browsers come from the internet; all others need an identity that IAM and the function both check, and var.task_ingress closes them further
  for_each = local.functions

  name        = each.key
  location    = var.region
  description = each.value.caller == "anyone" ? "Lockstep: called from outside" : "Lockstep: called by ${each.value.caller}"

  build_config {
    runtime           = var.runtime
    entry_point       = each.key
    docker_repository = google_artifact_registry_repository.images.id
    service_account   = google_service_account.build.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.function[each.key].email
    ingress_settings                 = each.value.caller == "anyone" ? "ALLOW_ALL" : var.task_ingress
    all_traffic_on_latest_revision   = true
    available_cpu                    = "1" # more than one request at a time needs a whole one
    available_memory                 = "512Mi"
    timeout_seconds                  = each.value.timeout
    max_instance_request_concurrency = each.value.concurrent
    min_instance_count               = each.key == "calendar_notification" ? var.warm_notices : 0
    max_instance_count               = var.most_instances

    # functions-framework serves as many requests at a time as it has threads.
    environment_variables = merge(local.environment, { THREADS = tostring(each.value.concurrent), WORKERS = "1" })
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(local.defined, keys(local.declared))) == 0
      error_message = "main.py defines functions that functions.tf does not declare: ${join(", ", setsubtract(local.defined, keys(local.declared)))}."
    }

    # Tasks and the scheduler are told this address, and the functions accept tokens for no other.
    postcondition {
      condition     = self.url == "${local.base_url}/${each.key}"
      error_message = "Google gave the function another address than its tasks will call: ${self.url}."
    }
  }

  depends_on = [google_project_service.needed, google_artifact_registry_repository_iam_member.build, google_project_iam_member.build_source, google_project_iam_member.build_logs]
}

# Exactly these may call; whoever else was let in by hand is put out again.
resource "google_cloud_run_v2_service_iam_binding" "invoker" {
  for_each = local.functions

  name     = google_cloudfunctions2_function.each[each.key].service_config[0].service
  location = var.region
  role     = "roles/run.invoker"
  members  = [local.callers[each.value.caller]]
}
