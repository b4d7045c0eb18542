import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, Stats, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import type { FeedQueue } from "./queues.ts";

/** A dead-letter queue is a transit: what stays in it for so long is not taken out. */
const DEAD_MINUTES = 15;
/** A token that has waited for so long is not delayed; nothing works on its edge. SQS keeps it for ten days. */
const OLD_HOURS = 24;

/** @param name what people call the edge */
export function queueAlarms(
  scope: Construct,
  name: string,
  { work, dead }: FeedQueue,
  topicArn: string | undefined,
): void {
  const period = Duration.minutes(5);
  const alarms = [
    new Alarm(scope, "DeadAlarm", {
      metric: dead.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MINIMUM }),
      threshold: 0,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: DEAD_MINUTES / 5,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${name}: tokens stay in ${dead.queueName}. The function's log says why; nothing is lost while they are there (14 days).`,
    }),
    new Alarm(scope, "OldAlarm", {
      metric: work.metricApproximateAgeOfOldestMessage({ period, statistic: Stats.MAXIMUM }),
      threshold: Duration.hours(OLD_HOURS).toSeconds(),
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${name}: a token has waited for more than ${OLD_HOURS} hours. Is the stage too slow, or does it fail?`,
    }),
  ];
  if (topicArn === undefined) return;
  const topic = Topic.fromTopicArn(scope, "Topic", topicArn);
  for (const alarm of alarms) alarm.addAlarmAction(new SnsAction(topic));
}
