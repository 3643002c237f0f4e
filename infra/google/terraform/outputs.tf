output "base_url" {
  description = "Where the functions are; each is reached under its name. It is the setting PUBLIC_URL."
  value       = local.base_url
}

output "functions" {
  description = "The deployed functions, their addresses and the accounts that they run as."
  value = {
    for name in keys(local.functions) : name => {
      url     = "${local.base_url}/${name}"
      account = google_service_account.function[name].email
    }
  }
}

output "callers" {
  description = "As whom Cloud Tasks and Cloud Scheduler call."
  value = {
    tasks     = google_service_account.tasks.email
    scheduler = google_service_account.scheduler.email
  }
}

output "delegate" {
  description = "With delegation: the client id that the Workspace's administrator allows."
  value       = local.delegated ? google_service_account.delegate[0].unique_id : ""
}

output "key" {
  description = "The key that users' credentials are sealed with."
  value       = google_kms_crypto_key.credentials.id
}

output "secrets" {
  description = "The secrets that must be given a value (docs/deploy.md)."
  value       = [for secret in google_secret_manager_secret.each : secret.secret_id]
}
